//! `POST /redeploy/:instanceId`.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::Done;

use crate::app::App;
use crate::ops::configure::redeploy;

pub(crate) async fn handle(instance_id: InstanceId, app: App) -> Result<Done, Problem> {
    app.complete("redeploy", redeploy(app.clone(), instance_id.clone()))
        .await?;
    Ok(Done {
        instance_id,
        ok: true,
    })
}
