//! `POST /provision-local`.

use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::{LocalGrant, ProvisionLocalRequest};

use crate::app::App;
use crate::ops::local_tools::provision_local;

/// Runs to its end even if the caller hangs up.
pub(crate) async fn handle(
    request: ProvisionLocalRequest,
    app: App,
) -> Result<LocalGrant, Problem> {
    Ok(app
        .run_to_completion(provision_local(app.clone(), request.tools))
        .await?)
}
