//! `DELETE /destroy/:instanceId`.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::DestroyedInstance;

use crate::app::App;
use crate::ops::destroy::destroy;

pub(crate) async fn handle(instance: InstanceId, app: App) -> Result<DestroyedInstance, Problem> {
    app.complete("destroy", destroy(app.clone(), instance))
        .await
}
