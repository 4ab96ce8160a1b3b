//! The log of a pool under another policy.

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::{
    HitRate, Objective, SimulatedPolicy, Simulation, SimulationRequest,
};
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use maud::{Markup, html};
use serde::Deserialize;
use warp::reply::Response;

use super::super::page::{self, Tab};
use super::super::session::Session;
use super::super::{gate, reply};
use crate::app::App;
use crate::handlers::sizing;

const SECONDS_PER_DAY: u32 = 86_400;

/// What to try. Without a hit rate nothing is replayed yet.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::dashboard) struct SimulationQuery {
    hit_rate: Option<String>,
    #[serde(default = "default_days")]
    days: u32,
    #[serde(default)]
    min: u32,
}

const fn default_days() -> u32 {
    7
}

/// `GET /pools/:name/simulation`
pub(in crate::dashboard) async fn simulation(
    name: PoolName,
    session: Session,
    query: SimulationQuery,
    app: App,
) -> Result<Response, Problem> {
    // A replay is seconds of work.
    gate::require_operator(&session)?;
    let replayed = match &query.hit_rate {
        Some(text) => Some(replay(&name, text, &query, &app).await?),
        None => None,
    };
    let content = html! {
        div .head {
            div {
                h1 { "Simulate pool " (name) }
                p .hint { "Replays the claims of the log as if the pool had been sized for a hit rate." }
            }
        }
        (form(&name, &query))
        @if let Some(replayed) = &replayed { (table(replayed)) }
    };
    let page = page::layout(&app, &session, Some(Tab::Pools), "Simulate", &content);
    Ok(reply::ok(page))
}

async fn replay(
    name: &PoolName,
    hit_rate: &str,
    query: &SimulationQuery,
    app: &App,
) -> Result<Simulation, Problem> {
    let hit_rate: HitRate = hit_rate.trim().parse().map_err(|error| {
        let detail = format!("hitRate: {error}");
        Problem::new(ProblemCode::InvalidField, detail).with_field("hitRate")
    })?;
    let request = SimulationRequest {
        pool: Some(name.to_string()),
        since_seconds: query.days.saturating_mul(SECONDS_PER_DAY),
        objective: Objective {
            hit_rate,
            min: query.min,
            max: None,
            step_up: None,
            step_down: None,
            time_zone: None,
            floors: Vec::new(),
        },
        cost_per_hour: 0.0,
    };
    sizing::simulate(request, app.clone()).await
}

fn form(name: &PoolName, query: &SimulationQuery) -> Markup {
    let hit_rate = query.hit_rate.as_deref().unwrap_or("99%");
    html! {
        form .card.short method="get" action={ "/pools/" (name) "/simulation" } {
            div .field {
                label for="hitRate" { "Share of claims that find an idle instance" }
                input #hitRate name="hitRate" value=(hit_rate) required;
            }
            div .field {
                label for="days" { "Days to replay" }
                input #days type="number" name="days" min="1" max="90" value=(query.days);
            }
            div .field {
                label for="min" { "Fewest idle instances" }
                input #min type="number" name="min" min="0" value=(query.min);
            }
            div .actions {
                button type="submit" .primary { "Simulate" }
                a .button href={ "/pools/" (name) } { "Back" }
            }
        }
    }
}

fn table(replayed: &Simulation) -> Markup {
    let rows = [
        ("Now", &replayed.current),
        ("Simulated", &replayed.objective),
        ("Best fixed number", &replayed.best_fixed),
    ];
    html! {
        div .table {
            table {
                caption .hidden { "The same claims under three policies" }
                thead {
                    tr {
                        th scope="col" { "Policy" }
                        th scope="col" .number { "Claims" }
                        th scope="col" .number { "Hit rate" }
                        th scope="col" .number { "Mean wait" }
                        th scope="col" .number.wide { "Longest wait" }
                        th scope="col" .number { "Idle hours" }
                    }
                }
                tbody { @for (label, policy) in rows { (line(label, policy)) } }
            }
        }
        p .hint { "An instance takes " (format!("{:.0}", replayed.lead_seconds)) " s to warm, as measured." }
    }
}

fn line(label: &str, policy: &SimulatedPolicy) -> Markup {
    html! {
        tr {
            td { (label) ": " (policy.policy) }
            td .number { (policy.claims) }
            td .number { (format!("{:.2}%", policy.hit_rate * 100.0)) }
            td .number { (format!("{:.0} s", policy.mean_wait_seconds)) }
            td .number.wide { (format!("{:.0} s", policy.longest_wait_seconds)) }
            td .number { (format!("{:.0}", policy.idle_hours)) }
        }
    }
}
