//! Runs sweeps and destroys orphans.

use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::{OrphanRef, SweepReport, SweepRequest};
use maud::{Markup, html};
use serde::Deserialize;
use tracing::info;
use warp::reply::Response;

use super::super::page::{self, Tab};
use super::super::session::Session;
use super::super::{gate, reply};
use crate::app::App;
use crate::problem::from_services;

/// Which orphan to destroy: all of them if both fields are empty.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct OrphanQuery {
    provider: String,
    resource: String,
}

/// The submitted form.
#[derive(Debug, Deserialize)]
pub(in crate::dashboard) struct SweepForm {
    #[serde(default)]
    destroy: bool,
    // Not flattened: serde would then read numbers and booleans as text.
    #[serde(default)]
    provider: String,
    #[serde(default)]
    resource: String,
}

impl OrphanQuery {
    fn orphan(self) -> Option<OrphanRef> {
        let one = OrphanRef {
            provider: self.provider,
            resource_id: self.resource,
        };
        (!one.provider.is_empty()).then_some(one)
    }
}

/// `GET /providers/orphans`
pub(in crate::dashboard) async fn confirm(
    session: Session,
    query: OrphanQuery,
    app: App,
) -> Result<Response, Problem> {
    gate::require_operator(&session)?;
    let one = query.orphan();
    let title = if one.is_some() {
        "Destroy this orphan?"
    } else {
        "Destroy the orphans?"
    };
    let content = html! {
        div .head { h1 { (title) } }
        form .card.short method="post" action="/providers/sweep" {
            (page::csrf_field(&session))
            input type="hidden" name="destroy" value="true";
            @match &one {
                Some(one) => (about_orphan(one)),
                None => p {
                    "Runs a new sweep and destroys every resource that is older than SWEEP_GRACE_MS and belongs to no "
                    "instance, even if the last sweep did not list it."
                },
            }
            p { "This cannot be undone and may take a few minutes." }
            div .actions {
                button type="submit" .danger { "Destroy" }
                a .button href="/providers" { "Cancel" }
            }
        }
    };
    let page = page::layout(&app, &session, Some(Tab::Providers), title, &content);
    Ok(reply::ok(page))
}

fn about_orphan(one: &OrphanRef) -> Markup {
    html! {
        input type="hidden" name="provider" value=(one.provider);
        input type="hidden" name="resource" value=(one.resource_id);
        p {
            code { (one.resource_id) } " of " (one.provider) " is destroyed if a new sweep finds that it still "
            "belongs to no instance."
        }
    }
}

/// `POST /providers/sweep`
pub(in crate::dashboard) async fn sweep(
    _session: Session,
    form: SweepForm,
    app: App,
) -> Result<Response, Problem> {
    let destroy = form.destroy;
    let only = OrphanQuery {
        provider: form.provider,
        resource: form.resource,
    };
    let only = only.orphan().filter(|_| destroy);
    let request = SweepRequest {
        destroy: destroy && only.is_none(),
        destroy_only: only.into_iter().collect(),
        repair: false,
    };
    let report = app.services.sweep(&request).await;
    let report = report.map_err(|error| from_services("the sweep", &error))?;
    info!("an operator ran a sweep");
    let url = if destroy {
        format!("/providers?destroyed={}", destroyed(&report))
    } else {
        "/providers?swept=true".to_owned()
    };
    Ok(reply::see_other(&url))
}

fn destroyed(report: &SweepReport) -> usize {
    let gone = report.orphans.iter().filter(|orphan| orphan.destroyed);
    gone.count()
}
