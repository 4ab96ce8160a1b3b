//! Sweeps that an operator asks for, and the end of orphans.

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

/// Which orphan is meant: all of them where both are empty.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct Meant {
    provider: String,
    resource: String,
}

/// What an operator asks a sweep for.
#[derive(Debug, Deserialize)]
pub(in crate::dashboard) struct Wanted {
    #[serde(default)]
    destroy: bool,
    // Not flattened: serde would read the numbers and booleans of a form as text then.
    #[serde(default)]
    provider: String,
    #[serde(default)]
    resource: String,
}

impl Meant {
    fn one(self) -> Option<OrphanRef> {
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
    meant: Meant,
    app: App,
) -> Result<Response, Problem> {
    gate::operators_only(&session)?;
    let one = meant.one();
    let title = if one.is_some() {
        "Destroy this orphan?"
    } else {
        "Destroy the orphans?"
    };
    let content = html! {
        div .head { h1 { (title) } }
        form .card.short method="post" action="/providers/sweep" {
            (page::token(&session))
            input type="hidden" name="destroy" value="true";
            @match &one {
                Some(one) => (about_one(one)),
                None => p {
                    "Every vendor is asked anew what it has under our mark. What is older than SWEEP_GRACE_MS "
                    "and belongs to no instance is destroyed, whether the last sweep saw it or not."
                },
            }
            p { "This cannot be undone, and may take some minutes." }
            div .actions {
                button type="submit" .danger { "Destroy" }
                a .button href="/providers" { "Cancel" }
            }
        }
    };
    let page = page::signed_in(&app, &session, Some(Tab::Providers), title, &content);
    Ok(reply::ok(page))
}

fn about_one(one: &OrphanRef) -> Markup {
    html! {
        input type="hidden" name="provider" value=(one.provider);
        input type="hidden" name="resource" value=(one.resource_id);
        p {
            code { (one.resource_id) } " of " (one.provider) " is destroyed, if a sweep still finds it and it "
            "still belongs to no instance."
        }
    }
}

/// `POST /providers/sweep`
pub(in crate::dashboard) async fn make(
    _session: Session,
    wanted: Wanted,
    app: App,
) -> Result<Response, Problem> {
    let destroy = wanted.destroy;
    let only = Meant {
        provider: wanted.provider,
        resource: wanted.resource,
    };
    let only = only.one().filter(|_| destroy);
    let request = SweepRequest {
        destroy: destroy && only.is_none(),
        destroy_only: only.into_iter().collect(),
        repair: false,
    };
    let report = app.services.sweep(&request).await;
    let report = report.map_err(|error| from_services("the sweep", &error))?;
    info!("an operator had a sweep made");
    let told = if destroy {
        format!("/providers?destroyed={}", destroyed(&report))
    } else {
        "/providers?swept=true".to_owned()
    };
    Ok(reply::see_other(&told))
}

fn destroyed(report: &SweepReport) -> usize {
    let gone = report.orphans.iter().filter(|orphan| orphan.destroyed);
    gone.count()
}
