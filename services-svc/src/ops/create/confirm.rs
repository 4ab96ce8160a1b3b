//! Checks whether another deployment uses the same environment name in the same account.
//!
//! Each would treat the other's instances as its own orphans. The first creation of a deployment at an infra looks for
//! instances with our mark that this database never knew; if there are any, this is the second deployment.

use agent_pool_core::{InstanceId, chain};
use tracing::warn;

use super::CreateError;
use super::plan::Plan;
use crate::app::App;
use crate::db::made_instances;

/// # Errors
/// Another deployment has instances with our mark.
pub(super) async fn confirm(app: &App, plan: &Plan) -> Result<(), CreateError> {
    let infra = plan.recipe.infra.id();
    let mut conn = app.db().conn().await?;
    if made_instances::is_confirmed(&mut conn, infra).await? {
        return Ok(());
    }
    // No connection is held during the call of the infra.
    drop(conn);
    let listed = match plan.recipe.infra.list().await {
        Ok(listed) => listed,
        Err(error) => {
            // The next creation checks again. A sweep never touches foreign resources in any case.
            let chain = chain(&error);
            warn!(
                error.chain = chain,
                "{infra} cannot be checked for instances of another deployment"
            );
            return Ok(());
        }
    };
    let instances: Vec<&InstanceId> = listed.iter().map(|one| &one.handle.instance).collect();
    let mut conn = app.db().conn().await?;
    let ours = made_instances::find_ours(&mut conn, &instances).await?;
    let foreign = instances.iter().filter(|id| !ours.contains(id.as_str()));
    match foreign.count() {
        0 => Ok(made_instances::confirm(&mut conn, infra).await?),
        count => Err(CreateError::EnvironmentTaken {
            infra: infra.clone(),
            environment: app.config().general.pool_environment.clone(),
            count,
        }),
    }
}
