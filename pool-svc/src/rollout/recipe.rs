//! The recipe of a pool, as the request to Services.

use agent_pool_core::Secret;
use agent_pool_core::wire::services::RecipeRequest;

use crate::pools::Plan;

/// The request for the recipe of a pool, with the tools of the settings if the pool names none.
pub(crate) fn recipe_request(plan: &Plan) -> RecipeRequest {
    let recipe = plan.recipe.clone();
    let variables = recipe.variables.into_iter();
    RecipeRequest {
        tools: recipe.tools.unwrap_or_default(),
        infra: recipe.infra,
        image: recipe.image,
        infra_options: recipe.infra_options,
        variables: variables
            .map(|(name, value)| (name, Secret::new(value)))
            .collect(),
    }
}
