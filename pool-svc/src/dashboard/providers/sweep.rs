//! What the last sweep found, and what an operator does about it.

use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::{Missing, Orphan, SweepReport, SweepRequest};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde::Deserialize;
use tracing::info;
use warp::reply::Response;

use super::super::page::{self, Tab};
use super::super::session::{Role, Session};
use super::super::{gate, reply, show};
use crate::app::App;
use crate::call::CallError;
use crate::problem::from_services;

/// What an operator asks a sweep for.
#[derive(Debug, Deserialize)]
pub(in crate::dashboard) struct Wanted {
    #[serde(default)]
    destroy: bool,
}

/// `GET /providers/orphans`
pub(in crate::dashboard) async fn confirm(session: Session, app: App) -> Result<Response, Problem> {
    gate::operators_only(&session)?;
    let content = html! {
        div .head { h1 { "Destroy the orphans?" } }
        form .card method="post" action="/providers/sweep" {
            (page::token(&session))
            input type="hidden" name="destroy" value="true";
            p { "Every vendor is asked anew what it has under our mark. What is older than SWEEP_GRACE_MS and "
                "belongs to no instance is destroyed, whether the last sweep saw it or not. "
                "This cannot be undone, and may take some minutes." }
            div .actions {
                button type="submit" .danger { "Destroy the orphans" }
                a .button href="/providers" { "Cancel" }
            }
        }
    };
    let tab = Some(Tab::Providers);
    let page = page::signed_in(&app, &session, tab, "Destroy the orphans", &content);
    Ok(reply::ok(page))
}

/// `POST /providers/sweep`
pub(in crate::dashboard) async fn make(
    _session: Session,
    Wanted { destroy }: Wanted,
    app: App,
) -> Result<Response, Problem> {
    let request = SweepRequest {
        destroy,
        repair: false,
    };
    let report = app.services.sweep(request).await;
    let report = report.map_err(|error| from_services("the sweep", &error))?;
    info!("an operator had a sweep made");
    if !destroy {
        return Ok(reply::see_other("/providers?swept=true"));
    }
    let destroyed = report
        .orphans
        .iter()
        .filter(|orphan| orphan.destroyed)
        .count();
    Ok(reply::see_other(&format!(
        "/providers?destroyed={destroyed}"
    )))
}

pub(super) fn report(session: &Session, last: &Result<SweepReport, CallError>) -> Markup {
    let left = last.as_ref().map_or(0, |report| {
        report
            .orphans
            .iter()
            .filter(|orphan| !orphan.destroyed)
            .count()
    });
    html! {
        section aria-labelledby="sweep" {
            div .head {
                div {
                    h2 #sweep { "Last sweep" }
                    p .hint { (when(last)) }
                }
                @if session.role == Role::Operator {
                    div .actions {
                        form method="post" action="/providers/sweep" {
                            (page::token(session))
                            button type="submit" { "Sweep now" }
                        }
                        @if left > 0 { a .button.danger href="/providers/orphans" { "Destroy the orphans" } }
                    }
                }
            }
            @if let Ok(report) = last { (found(report)) }
        }
    }
}

fn when(last: &Result<SweepReport, CallError>) -> Markup {
    html! {
        @match last {
            Ok(report) => {
                (show::ago(report.swept_at, Utc::now())) ", took " (report.took_ms) " ms"
            },
            Err(error) if error.is(404, "not_swept") => "No sweep has ended yet.",
            Err(error) => (page::sentence(&format!("Services {error}"))),
        }
    }
}

fn found(report: &SweepReport) -> Markup {
    let now = Utc::now();
    html! {
        @for (provider, why) in &report.failures {
            p .notice.warn { (provider) " was not swept: " (why) }
        }
        @if report.orphans.is_empty() && report.missing.is_empty() {
            div .table { p .empty { "Nothing is orphaned, and nothing is missing." } }
        } @else {
            div .table {
                table {
                    caption .hidden { "What the last sweep found" }
                    thead { tr {
                        th scope="col" { "Found" } th scope="col" { "Provider" } th scope="col" { "Resource" }
                        th scope="col" .wide { "Instance" } th scope="col" .wide { "Since" }
                    } }
                    tbody {
                        @for it in &report.orphans { (orphan(it, now)) }
                        @for it in &report.missing { (missing(it, now)) }
                    }
                }
            }
        }
    }
}

fn orphan(it: &Orphan, now: DateTime<Utc>) -> Markup {
    html! {
        tr {
            td { @if it.destroyed { span .tag { "orphan, destroyed" } } @else { span .tag.bad { "orphan" } } }
            td { (it.provider) }
            td .mono { (it.resource_id) }
            td .mono.wide { (it.instance_id) }
            td .time.wide { @if let Some(at) = it.created_at { (show::ago(at, now)) } }
        }
    }
}

fn missing(it: &Missing, now: DateTime<Utc>) -> Markup {
    html! {
        tr {
            td { @if it.repaired { span .tag { "missing, made anew" } } @else { span .tag.warn { "missing" } } }
            td { (it.provider) }
            td .mono { (it.resource_id) }
            td .mono.wide { a href={ "/instances/" (it.instance_id) } { (it.instance_id) } }
            td .time.wide { (show::ago(it.since, now)) }
        }
    }
}
