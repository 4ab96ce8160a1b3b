//! The costs page: a chart of the days, and tables by pool, resource and agent.

use agent_pool_core::in_dollars;
use agent_pool_core::wire::pool::{Costs, DayCosts, PoolCosts, Spent, dollars};
use agent_pool_core::wire::problem::Problem;
use maud::{Markup, html};
use warp::reply::Response;

use super::super::page::{self, Tab};
use super::super::reply;
use super::super::session::Session;
use super::chart::{Chart, Series, Size};
use super::time_axis::TimeAxis;
use crate::app::App;
use crate::handlers::costs::{CostsQuery, costs};

/// Instances that the page shows of each pool.
const SHOWN: usize = 20;

/// `GET /costs`
pub(in crate::dashboard) async fn show_costs(
    session: Session,
    query: CostsQuery,
    app: App,
) -> Result<Response, Problem> {
    let report = costs(query, app.clone()).await?;
    let content = draw(&report);
    let page = page::layout(&app, &session, Some(Tab::Costs), "Costs", &content);
    Ok(reply::ok(page))
}

fn draw(report: &Costs) -> Markup {
    let axis = TimeAxis::of_days(report.since, report.until);
    let chart = chart(report, &axis);
    html! {
        div .head {
            div {
                h1 { "Costs" }
                p .hint {
                    (report.since) " to " (report.until) ", in UTC and US dollars, computed from the prices in the providers' settings. "
                    (page::live_indicator(60))
                }
            }
        }
        div data-part="costs" {
            (chart.draw())
            (pools(&report.pools))
            @for costs in report.pools.iter().filter(|costs| !costs.resources.is_empty()) {
                div .two { (resources(costs)) (instances(costs)) }
            }
        }
    }
}

/// A line for each purpose, over all pools.
fn chart<'a>(report: &Costs, axis: &'a TimeAxis) -> Chart<'a> {
    let line = |class, name, of: fn(Spent) -> u64| {
        let mut sums = vec![0_u64; axis.len()];
        for DayCosts { day, spent } in report.pools.iter().flat_map(|costs| &costs.days) {
            let slice = usize::try_from((*day - report.since).num_days());
            if let Some(sum) = slice.ok().and_then(|slice| sums.get_mut(slice)) {
                *sum += of(*spent);
            }
        }
        let total = sums.iter().sum();
        Series {
            class,
            name,
            overall: Some(in_dollars(total)),
            points: sums.into_iter().map(|sum| Some(in_dollars(sum))).collect(),
        }
    };
    Chart {
        id: "days",
        title: "Costs by day",
        hint: None,
        unit: " USD",
        least: 0.01,
        size: Size::PAGE,
        filled: true,
        axis,
        series: vec![
            line("idle", "idle", |spent| spent.idle_micros),
            line("claimed", "agents", |spent| spent.agent_micros),
            line("crashed", "failed creations", |spent| spent.failed_micros),
        ],
    }
}

fn pools(pools: &[PoolCosts]) -> Markup {
    html! {
        section {
            h2 { "Pools" }
            div .table {
                table {
                    caption .hidden { "Costs of each pool" }
                    thead {
                        tr {
                            th scope="col" { "Pool" }
                            th scope="col" .number { "Total" }
                            th scope="col" .number.wide { "Idle" }
                            th scope="col" .number.wide { "Agents" }
                            th scope="col" .number.wide { "Failed creations" }
                            th scope="col" .number { "Budget" }
                        }
                    }
                    tbody { @for costs in pools { (pool(costs)) } }
                }
            }
        }
    }
}

fn pool(costs: &PoolCosts) -> Markup {
    let spent = costs.spent;
    html! {
        tr {
            td { a href={ "/pools/" (costs.pool) } { (costs.pool) } }
            td .number { (dollars(spent.total_micros())) }
            td .number.wide { (dollars(spent.idle_micros)) }
            td .number.wide { (dollars(spent.agent_micros)) }
            td .number.wide { (dollars(spent.failed_micros)) }
            td .number {
                @match &costs.budget {
                    Some(state) => { (dollars(state.spent_micros)) " of " (state.budget) },
                    None => "none",
                }
            }
        }
    }
}

fn resources(costs: &PoolCosts) -> Markup {
    html! {
        section .card {
            h2 { "Resources of " (costs.pool) }
            div .table tabindex="0" role="region" aria-label={ "Costs of " (costs.pool) " by provider" } {
                table {
                    caption .hidden { "Costs of " (costs.pool) " by provider" }
                    thead {
                        tr {
                            th scope="col" { "Provider" }
                            th scope="col" .number { "Time" }
                            th scope="col" .number { "Once" }
                            th scope="col" .number { "Usage" }
                        }
                    }
                    tbody {
                        @for it in &costs.resources {
                            tr {
                                td { (it.resource) }
                                td .number { (dollars(it.time_micros)) }
                                td .number { (dollars(it.once_micros)) }
                                td .number { (dollars(it.usage_micros)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn instances(costs: &PoolCosts) -> Markup {
    html! {
        section .card {
            h2 { "Instances of " (costs.pool) " that cost most" }
            div .table tabindex="0" role="region" aria-label={ "Costs of " (costs.pool) " by instance" } {
                table {
                    caption .hidden { "Costs of " (costs.pool) " by instance" }
                    thead {
                        tr {
                            th scope="col" { "Instance" }
                            th scope="col" { "Agent" }
                            th scope="col" .number { "As agent" }
                            th scope="col" .number { "Total" }
                        }
                    }
                    tbody {
                        @for it in costs.agents.iter().take(SHOWN) {
                            tr {
                                td .mono { a href={ "/instances/" (it.instance_id) } { (it.instance_id) } }
                                td { (it.agent_name.as_deref().unwrap_or("-")) }
                                td .number { (dollars(it.spent.agent_micros)) }
                                td .number { (dollars(it.spent.total_micros())) }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_page_shows_each_pool_resource_and_agent() {
        let report: Costs = serde_json::from_value(json!({
            "since": "2026-11-28", "until": "2026-11-29",
            "pools": [{
                "pool": "research",
                "spent": { "idleMicros": 2_500_000, "agentMicros": 17_500_000 },
                "budget": { "budget": "$20/day", "spentMicros": 20_030_000, "renewsAt": "2026-11-30T00:00:00Z" },
                "days": [{ "day": "2026-11-29", "spent": { "idleMicros": 2_500_000 } }],
                "resources": [{ "resource": "railway", "timeMicros": 1, "onceMicros": 0, "usageMicros": 0 }],
                "agents": [{ "instanceId": "k3v9x0a1b2c3", "agentName": "Tulip", "spent": { "agentMicros": 17_500_000 } }],
            }],
        }))
        .unwrap();
        let drawn = draw(&report).into_string();
        for part in [
            "$20.03 of $20/day",
            "railway",
            "Tulip",
            "$17.50",
            "<b>2.5 USD</b><span>idle</span>",
        ] {
            assert!(drawn.contains(part), "{part}: {drawn}");
        }
    }
}
