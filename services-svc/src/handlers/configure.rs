//! `POST /configure/:instanceId`.

use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::{ConfigureRequest, Done};
use agent_pool_core::{InstanceId, Redeploy};

use crate::app::App;
use crate::ops::configure::configure;

/// Runs to its end even if the caller hangs up: it holds the lease of the instance.
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
    app.run_to_completion(configure(
        app.clone(),
        instance_id.clone(),
        variables,
        redeploy,
    ))
    .await?;
    Ok(Done {
        instance_id,
        ok: true,
    })
}
