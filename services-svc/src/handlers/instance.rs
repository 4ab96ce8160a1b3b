//! `GET /instances/:instanceId`.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::InstanceDetails;

use crate::app::App;
use crate::ops::instance::instance;

pub(crate) async fn handle(id: InstanceId, app: App) -> Result<InstanceDetails, Problem> {
    Ok(instance(&app, id).await?)
}
