//! The catalogue of ready-made agents. It needs no key.

use agent_pool_core::wire::pool::Template;
use agent_pool_core::wire::problem::Problem;

use crate::app::App;
use crate::problem::unknown_template;

/// `GET /api/pool/templates`
pub(crate) async fn list(app: App) -> Result<Vec<Template>, Problem> {
    Ok(app.config.catalogue.all().to_vec())
}

/// `GET /api/pool/templates/:slug`
pub(crate) async fn find(slug: String, app: App) -> Result<Template, Problem> {
    let found = app.config.catalogue.find(&slug);
    found.cloned().ok_or_else(|| unknown_template(&slug))
}
