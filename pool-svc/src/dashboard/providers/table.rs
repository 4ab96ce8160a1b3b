//! The table of providers.

use agent_pool_core::wire::services::{ProviderHealth, ProviderStats, RegistryReply};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::super::format;

/// A tool or an infra.
struct ProviderRow<'a> {
    id: &'a str,
    name: &'a str,
    kind: &'a str,
    configured: bool,
    faults: &'a [String],
    stats: &'a ProviderStats,
}

pub(super) fn table(registry: &RegistryReply) -> Markup {
    let infra = registry.infra.iter().map(|it| ProviderRow {
        id: it.id.as_str(),
        name: &it.name,
        kind: if it.selected {
            "infrastructure, in use"
        } else {
            "infrastructure"
        },
        configured: it.configured,
        faults: &it.faults,
        stats: &it.stats,
    });
    let tools = registry.tools.iter().map(|it| ProviderRow {
        id: it.id.as_str(),
        name: &it.name,
        kind: "tool",
        configured: it.configured,
        faults: &it.faults,
        stats: &it.stats,
    });
    let now = Utc::now();
    html! {
        div .table {
            table {
                caption .hidden { "Providers" }
                thead { tr {
                    th scope="col" { "Provider" } th scope="col" { "State" }
                    th scope="col" .number.wide { "Calls" } th scope="col" .number.wide { "Failed" }
                    th scope="col" .number.wide { "Median" } th scope="col" .number.wide { "95th percentile" }
                } }
                tbody { @for it in infra.chain(tools) { (row(&it, now)) } }
            }
        }
        p .hint { "Calls since this replica of Services started." }
    }
}

fn row(it: &ProviderRow<'_>, now: DateTime<Utc>) -> Markup {
    let failed: u64 = it.stats.failures.values().sum();
    let millis = |time: Option<u64>| time.map_or_else(String::new, format::millis);
    html! {
        tr {
            td { b { (it.name) } span .small { (it.id) ", " (it.kind) } }
            td {
                (state(it, now))
                @for fault in it.faults { span .small { (fault) } }
                @if let Some(error) = &it.stats.last_error {
                    span .small { (format::ago(error.at, now)) ": " code { (error.kind) } ", " (error.message) }
                }
            }
            td .number.wide { (format::thousands(it.stats.calls)) }
            td .number.wide { (format::thousands(failed))
                @for (kind, number) in &it.stats.failures { span .small { (kind) ": " (number) } }
            }
            td .number.wide { (millis(it.stats.median_ms)) }
            td .number.wide { (millis(it.stats.p95_ms)) }
        }
    }
}

fn state(it: &ProviderRow<'_>, now: DateTime<Utc>) -> Markup {
    if !it.configured {
        return html! { span .tag.warn { "not configured" } };
    }
    match it.stats.health(now) {
        ProviderHealth::Failing => html! { span .tag.bad { "failing" } },
        ProviderHealth::Slow => html! { span .tag.warn { "slow" } },
        ProviderHealth::Well => html! { span .tag { "configured" } },
    }
}
