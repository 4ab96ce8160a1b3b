//! A simulation: the log of a pool, replayed under another policy.

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::{
    HitRate, Objective, ObjectiveFloor, SimulatedPolicy, Simulation, SimulationRequest,
};
use agent_pool_core::wire::problem::Problem;
use maud::{Markup, html};
use serde::Deserialize;
use warp::reply::Response;

use super::super::page::{self, Tab};
use super::super::session::Session;
use super::super::{gate, reply};
use super::change::number;
use crate::app::App;
use crate::handlers::pools::require;
use crate::handlers::sizing;
use crate::problem::invalid_field;

const SECONDS_PER_DAY: u32 = 86_400;

/// The policy to try. Without a hit rate nothing is replayed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::dashboard) struct SimulationQuery {
    hit_rate: Option<String>,
    #[serde(default = "default_days")]
    days: u32,
    #[serde(default)]
    min: u32,
    #[serde(default)]
    max: String,
    #[serde(default)]
    step_up: String,
    #[serde(default)]
    step_down: String,
    /// A line for each floor: its cron expression, minutes and minimum, separated by commas.
    #[serde(default)]
    floors: String,
    #[serde(default)]
    time_zone: String,
    #[serde(default)]
    cost_per_hour: String,
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
    // A replay takes seconds of CPU time.
    gate::require_operator(&session)?;
    require(&name, &app).await?;
    let replayed = match &query.hit_rate {
        Some(text) => Some(replay(&name, text, &query, &app).await?),
        None => None,
    };
    let content = html! {
        div .head {
            div {
                h1 { "Simulate pool " (name) }
                p .hint { "Replays the claims of the log with a pool that is sized for this hit rate." }
            }
        }
        (form(&name, &query))
        @if let Some(replayed) = &replayed { (table(replayed, !query.cost_per_hour.trim().is_empty())) }
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
    let hit_rate: Result<HitRate, _> = hit_rate.trim().parse();
    let hit_rate = hit_rate.map_err(|error| invalid_field("hitRate", error))?;
    let time_zone = Some(query.time_zone.trim()).filter(|zone| !zone.is_empty());
    let request = SimulationRequest {
        pool: Some(name.to_string()),
        since_seconds: query.days.saturating_mul(SECONDS_PER_DAY),
        objective: Objective {
            hit_rate,
            min: query.min,
            max: number("max", &query.max)?,
            step_up: number("stepUp", &query.step_up)?,
            step_down: number("stepDown", &query.step_down)?,
            time_zone: time_zone.map(str::to_owned),
            floors: parse_floors(&query.floors)?,
        },
        cost_per_hour: parse_cost(&query.cost_per_hour)?,
    };
    sizing::simulate(request, app.clone()).await
}

fn parse_floors(text: &str) -> Result<Vec<ObjectiveFloor>, Problem> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let floors = lines.map(|line| {
        let expected = "expected a cron expression, minutes and a minimum in each line, such as 0 9 * * MON-FRI, 540, 10";
        parse_floor(line).ok_or_else(|| invalid_field("floors", expected))
    });
    floors.collect()
}

/// A cron expression may contain commas, so the numbers are the last two parts.
fn parse_floor(line: &str) -> Option<ObjectiveFloor> {
    let mut parts = line.rsplitn(3, ',').map(str::trim);
    let min = parts.next()?.parse().ok()?;
    let minutes = parts.next()?.parse().ok()?;
    let from = parts.next()?.to_owned();
    Some(ObjectiveFloor { from, minutes, min })
}

fn parse_cost(text: &str) -> Result<f64, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(0.0);
    }
    let cost = text.parse();
    cost.map_err(|_| invalid_field("costPerHour", "expected a price, such as 0.05"))
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
                label for="min" { "Minimum idle instances" }
                input #min type="number" name="min" min="0" value=(query.min);
            }
            (more(query))
            div .actions {
                button type="submit" .primary { "Simulate" }
                a .button href={ "/pools/" (name) } { "Back" }
            }
        }
    }
}

/// The fields that are rarely needed.
fn more(query: &SimulationQuery) -> Markup {
    let field = |name: &str, label: &str, value: &str, hint: &str| {
        html! {
            div .field {
                label for=(name) { (label) }
                input id=(name) name=(name) value=(value) placeholder=(hint) inputmode="decimal";
            }
        }
    };
    html! {
        details {
            summary { "Bounds, schedule and cost" }
            (field("max", "Maximum idle instances", &query.max, "limit of the pool"))
            (field("stepUp", "Maximum increase in a minute", &query.step_up, "any"))
            (field("stepDown", "Maximum decrease in a minute", &query.step_down, "any"))
            (field("costPerHour", "Cost of an idle hour", &query.cost_per_hour, "none"))
            div .field {
                label for="timeZone" { "Time zone" }
                input #timeZone name="timeZone" value=(query.time_zone) placeholder="UTC, or Europe/Berlin";
            }
            div .field {
                label for="floors" { "Times with a higher minimum" }
                textarea #floors .mono name="floors" rows="2" spellcheck="false" aria-describedby="floors-hint" { (query.floors) }
                p #floors-hint .hint {
                    "A line for each: cron expression, minutes, minimum, such as " code { "0 9 * * MON-FRI, 540, 10" }
                }
            }
        }
    }
}

fn table(replayed: &Simulation, costs: bool) -> Markup {
    let rows = [
        ("Now", &replayed.current),
        ("Simulated", &replayed.objective),
        ("Best fixed number", &replayed.best_fixed),
    ];
    html! {
        div .table tabindex="0" role="region" aria-label="The same claims under three policies" {
            table {
                caption .hidden { "The same claims under three policies" }
                thead {
                    tr {
                        th scope="col" { "Policy" }
                        th scope="col" .number { "Claims" }
                        th scope="col" .number { "Hit rate" }
                        th scope="col" .number.wide { "Waits" }
                        th scope="col" .number { "Mean wait" }
                        th scope="col" .number.wide { "Longest wait" }
                        th scope="col" .number { "Idle hours" }
                        @if costs { th scope="col" .number { "Cost" } }
                    }
                }
                tbody { @for (label, policy) in rows { (line(label, policy, costs)) } }
            }
        }
        p .hint { "An instance takes " (format!("{:.0}", replayed.lead_seconds)) " s to warm, as measured." }
    }
}

fn line(label: &str, policy: &SimulatedPolicy, costs: bool) -> Markup {
    html! {
        tr {
            td { (label) ": " (policy.policy) }
            td .number { (policy.claims) }
            td .number { (format!("{:.2}%", policy.hit_rate * 100.0)) }
            td .number.wide { (policy.waits) }
            td .number { (format!("{:.0} s", policy.mean_wait_seconds)) }
            td .number.wide { (format!("{:.0} s", policy.longest_wait_seconds)) }
            td .number { (format!("{:.0}", policy.idle_hours)) }
            @if costs { td .number { (format!("{:.2}", policy.cost)) } }
        }
    }
}
