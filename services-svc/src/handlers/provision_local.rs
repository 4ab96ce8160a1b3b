//! `POST /provision-local`.

use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::{LocalGrant, ProvisionLocalRequest};

use crate::app::App;
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
