//! One pool.

use agent_pool_core::wire::pool::{HoldCause, PoolVersion, PoolView};
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::{PoolName, ToolId};
use chrono::Utc;
use maud::{Markup, html};
use warp::reply::Response;

use super::super::page::{self, Tab};
use super::super::session::{Role, Session};
use super::super::{explanation, format, reply};
use super::{declare, rollout};
use crate::app::App;
use crate::db::pools as table;
use crate::handlers::{explain, pools};
use crate::problem::from_database;

/// Maximum number of versions on the page.
const MOST_VERSIONS: u16 = 20;

/// `GET /pools/:name`
pub(in crate::dashboard) async fn show(
    name: PoolName,
    session: Session,
    app: App,
) -> Result<Response, Problem> {
    let pool = pools::find(name.clone(), app.clone()).await?;
    let story = explain::pool(name.clone(), app.clone()).await?;
    let versions = async || {
        let mut conn = app.db.conn().await?;
        table::load_versions(&mut conn, &name, MOST_VERSIONS).await
    };
    let versions = versions().await.map_err(from_database)?;
    let content = html! {
        div .head {
            div {
                h1 {
                    "Pool " (pool.name)
                    @if let Some(hold) = &pool.hold { " " span .tag.warn { (hold.cause.as_str()) } }
                }
                p .hint {
                    (pool.counts.idle) " of " (pool.target) " idle, " (pool.counts.starting) " starting, "
                    (pool.counts.claimed) " claimed. "
                    a href={ "/?pool=" (pool.name) } { "Instances" } ", "
                    a href={ "/events?pool=" (pool.name) } { "events" } ", "
                    a href={ "/costs?pool=" (pool.name) } { "costs" }
                }
            }
            @if session.role == Role::Operator { (actions(&session, &pool)) }
        }
        @if session.role == Role::Operator { (policy_form(&session, &pool)) }
        (explanation::card(&story))
        (rollout::section(&session, &pool))
        (recipe(&pool))
        @if session.role == Role::Operator { (declare::edit_form(&session, &pool)) }
        (history(&versions))
    };
    let title = format!("Pool {}", pool.name);
    let page = page::layout(&app, &session, Some(Tab::Pools), &title, &content);
    Ok(reply::ok(page))
}

fn actions(session: &Session, pool: &PoolView) -> Markup {
    let (word, paused) = match pool.hold.as_ref().map(|hold| hold.cause) {
        Some(HoldCause::Paused | HoldCause::Failing) => ("Resume", "false"),
        Some(HoldCause::Budget) | None => ("Pause", "true"),
    };
    html! {
        div .actions {
            a .button href={ "/claim?pool=" (pool.name) } { "Claim" }
            a .button href={ "/pools/" (pool.name) "/simulation" } { "Simulate" }
            form method="post" action={ "/pools/" (pool.name) "/pause" } {
                (page::csrf_field(session))
                input type="hidden" name="paused" value=(paused);
                button type="submit" { (word) }
            }
            @if !pool.name.is_default() { a .button href={ "/pools/" (pool.name) "/delete" } { "Delete" } }
        }
    }
}

fn policy_form(session: &Session, pool: &PoolView) -> Markup {
    let policy = &pool.policy;
    html! {
        form .card.short method="post" action={ "/pools/" (pool.name) } {
            (page::csrf_field(session))
            input type="hidden" name="version" value=(pool.version);
            @match &policy.objective {
                None => (number("minIdle", "Idle instances to keep", policy.min_idle, pool.target)),
                Some(objective) => p { "Sized for a hit rate of " (objective.hit_rate) "." },
            }
            (number("maxTotal", "Maximum instances", policy.max_total, pool.max_total))
            details {
                summary { "Guards" }
                (number("maxStarting", "Maximum starting at once", policy.max_starting, "as many as are missing"))
                (number("maxFailures", "Consecutive failures before creations stop", policy.max_failures, 10))
                (number("maxIdleSeconds", "Replace idle instances after (seconds)", policy.max_idle_seconds, "never"))
                (number("ttlSeconds", "End agents after (seconds)", policy.ttl_seconds, "never"))
                (number(
                    "idleTimeoutSeconds", "End inactive agents after (seconds)",
                    policy.idle_timeout_seconds, "never",
                ))
                div .field {
                    label for="budget" { "Budget in US dollars" }
                    input #budget name="budget" value=[policy.budget] placeholder="none, or $20/day, or $300/month";
                }
                (number("warningSeconds", "Warn before the end (seconds)", policy.warning_seconds, 600))
            }
            p .hint { "Empty fields use the default." }
            div .actions { button type="submit" .primary { "Save" } }
        }
    }
}

fn number(name: &str, label: &str, value: Option<u32>, now: impl maud::Render) -> Markup {
    html! {
        div .field {
            label for=(name) { (label) }
            input id=(name) type="number" name=(name) min="0" max="100000000" value=[value] placeholder=(now);
        }
    }
}

fn recipe(pool: &PoolView) -> Markup {
    let recipe = &pool.recipe;
    let infra = recipe.infra.as_ref().map(ToString::to_string);
    html! {
        section {
            h2 { "Recipe" }
            dl {
                (value("Infrastructure", infra.as_deref()))
                (value("Image", recipe.image.as_deref()))
                @for (label, tools) in recipe.tools_by_phase() {
                    (value(label, tools.map(list_tools).as_deref()))
                }
                @for (name, option) in &recipe.infra_options {
                    (value(name, Some(&option.to_string())))
                }
                @for (name, text) in &recipe.variables { (value(name.as_str(), Some(text))) }
            }
        }
    }
}

fn list_tools(tools: &[ToolId]) -> String {
    let words: Vec<&str> = tools.iter().map(ToolId::as_str).collect();
    match words.len() {
        0 => "none".to_owned(),
        _ => words.join(", "),
    }
}

fn value(label: &str, value: Option<&str>) -> Markup {
    html! {
        dt { (label) }
        dd { @match value { Some(text) => (text), None => span .hint { "from the settings" } } }
    }
}

fn history(versions: &[PoolVersion]) -> Markup {
    let now = Utc::now();
    html! {
        @if !versions.is_empty() {
            section {
                h2 { "Versions" }
                div .table {
                    table {
                        caption .hidden { "Versions, newest first" }
                        thead {
                            tr {
                                th scope="col" { "Version" }
                                th scope="col" { "Policy" }
                                th scope="col" { "By" }
                                th scope="col" { "When" }
                            }
                        }
                        tbody { @for version in versions { (version_line(version, now)) } }
                    }
                }
            }
        }
    }
}

fn version_line(version: &PoolVersion, now: chrono::DateTime<Utc>) -> Markup {
    let policy = version.spec.as_ref().map_or_else(
        || "deleted".to_owned(),
        |spec| {
            let number = |number: Option<u32>| {
                number.map_or_else(|| "settings".to_owned(), |number| number.to_string())
            };
            let paused = if spec.policy.paused { ", paused" } else { "" };
            let max = number(spec.policy.max_total);
            match &spec.policy.objective {
                Some(objective) => format!("hit rate {}, limit {max}{paused}", objective.hit_rate),
                None => format!("idle {}, limit {max}{paused}", number(spec.policy.min_idle)),
            }
        },
    );
    html! {
        tr {
            td { (version.version) }
            td { (policy) }
            td { (version.changed_by.as_deref().unwrap_or("-")) }
            td .time { (format::ago(version.changed_at, now)) }
        }
    }
}
