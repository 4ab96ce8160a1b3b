//! The declaration of a new or an existing pool as JSON, complete and in the form of the API.

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::{PoolSpec, PoolView};
use agent_pool_core::wire::problem::Problem;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;
use warp::reply::Response;

use super::super::page;
use super::super::reply;
use super::super::session::Session;
use crate::pool::Pool;
use crate::pools::change::{self, Change};
use crate::problem::invalid_field;

/// A declaration as it was submitted.
#[derive(Debug, Deserialize)]
pub(in crate::dashboard) struct Declaration {
    name: String,
    /// The version that it is based on; 0 for a new pool.
    version: u32,
    declaration: String,
}

/// `POST /pools`
pub(in crate::dashboard) async fn declare(
    _session: Session,
    form: Declaration,
    pool: Pool,
) -> Result<Response, Problem> {
    let name: Result<PoolName, _> = form.name.trim().parse();
    let name = name.map_err(|error| invalid_field("name", error))?;
    let spec = serde_json::from_str(&form.declaration);
    let spec = spec.map_err(|error| invalid_field("declaration", error))?;
    let (app, background) = (&pool.app, &pool.background);
    let version = Some(form.version);
    change::change(app, background, &name, Change::Put(spec), version).await?;
    Ok(reply::see_other(&format!("/pools/{name}")))
}

/// The form for a new pool.
pub(super) fn new_form(session: &Session) -> Markup {
    let example = PoolSpec::default();
    html! {
        details .card {
            summary { "New pool" }
            form method="post" action="/pools" {
                (page::csrf_field(session))
                input type="hidden" name="version" value="0";
                div .field {
                    label for="name" { "Name" }
                    input #name name="name" required autocomplete="off";
                }
                (text(&example))
                div .actions { button type="submit" .primary { "Create" } }
            }
        }
    }
}

/// The form for an existing pool.
pub(super) fn edit_form(session: &Session, pool: &PoolView) -> Markup {
    let spec = PoolSpec {
        recipe: pool.recipe.clone(),
        policy: pool.policy.clone(),
    };
    html! {
        details .card {
            summary { "Recipe and policy as JSON" }
            form method="post" action="/pools" {
                (page::csrf_field(session))
                input type="hidden" name="name" value=(pool.name);
                input type="hidden" name="version" value=(pool.version);
                (text(&spec))
                div .actions { button type="submit" { "Save" } }
            }
        }
    }
}

fn text(spec: &PoolSpec) -> Markup {
    html! {
        div .field {
            label for="declaration" { "Declaration" }
            textarea #declaration .mono name="declaration" rows="12" spellcheck="false" aria-describedby="declaration-hint" {
                (format!("{:#}", json!(spec)))
            }
            p #declaration-hint .hint {
                "As in " code { "PUT /api/pool/pools/:name" } ": recipe (infra, image, infraOptions, tools, variables) and policy."
            }
        }
    }
}
