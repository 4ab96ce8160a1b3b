//! `GET /registry`.

use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::RegistryReply;

use crate::app::App;
use crate::ops::registry::registry;

pub(crate) async fn handle(app: App) -> Result<RegistryReply, Problem> {
    Ok(registry(&app))
}
