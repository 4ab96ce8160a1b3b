//! `POST /upgrade/:instanceId`.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::{RecipeRequest, UpgradedInstance};

use crate::app::App;
use crate::ops::upgrade::upgrade;

pub(crate) async fn handle(
    instance: InstanceId,
    request: RecipeRequest,
    app: App,
) -> Result<UpgradedInstance, Problem> {
    app.complete("upgrade", upgrade(app.clone(), instance, request))
        .await
}
