//! `POST /provision-local` and `DELETE /provision-local/:instanceId`.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::{DestroyedInstance, LocalGrant, ProvisionLocalRequest};

use crate::app::App;
use crate::ops::destroy::destroy_local;
use crate::ops::local_tools::provision_local;

pub(crate) async fn handle(
    request: ProvisionLocalRequest,
    app: App,
) -> Result<LocalGrant, Problem> {
    app.complete(
        "provision_local",
        provision_local(app.clone(), request.tools),
    )
    .await
}

pub(crate) async fn destroy(instance: InstanceId, app: App) -> Result<DestroyedInstance, Problem> {
    let work = destroy_local(app.clone(), instance);
    app.complete("destroy_local", work).await
}
