//! `POST /configure/:instanceId`.

use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::{ConfigureRequest, Done};
use agent_pool_core::{InstanceId, Redeploy};

use crate::app::App;
use crate::ops::configure::configure;

pub(crate) async fn handle(
    instance_id: InstanceId,
    request: ConfigureRequest,
    app: App,
) -> Result<Done, Problem> {
    let redeploy = if request.redeploy {
        Redeploy::Yes
    } else {
        Redeploy::No
    };
    let variables = request.variables;
    app.complete(
        "configure",
        configure(app.clone(), instance_id.clone(), variables, redeploy),
    )
    .await?;
    Ok(Done {
        instance_id,
        ok: true,
    })
}
