//! `POST /recipe`.

use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::{MadeFrom, RecipeRequest};

use crate::app::App;
use crate::ops::recipe::recipe;

pub(crate) async fn handle(request: RecipeRequest, app: App) -> Result<MadeFrom, Problem> {
    Ok(recipe(&app, request).await?)
}
