//! The table of instances.

use agent_pool_core::wire::pool::{InstanceView, Status};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::super::db::fleet::InstanceRow;
use super::super::format;
use super::super::session::{Role, Session};
use super::load::{Fleet, PAGE_SIZE, page_count};
use super::query::{Column, Direction, FleetQuery};

pub(super) fn table(
    session: &Session,
    query: &FleetQuery,
    fleet: &Fleet,
    now: DateTime<Utc>,
) -> Markup {
    html! {
        @if fleet.rows.is_empty() {
            div .table { p .empty { (empty_text(query)) } }
        } @else {
            div .table {
                table {
                    caption .hidden { "Instances, " (format::thousands(fleet.found)) " in all" }
                    thead { (head(query)) }
                    tbody { @for row in &fleet.rows { (line(session, row, fleet, now)) } }
                }
            }
        }
        (pager(query, fleet.found))
    }
}

fn empty_text(query: &FleetQuery) -> &'static str {
    if query.is_filtered() {
        "No instance matches. Change the search or show all statuses."
    } else {
        "There are no instances yet. Replenish creates some now; otherwise the pool creates them soon."
    }
}

fn head(query: &FleetQuery) -> Markup {
    html! {
        tr {
            (sortable(query, Column::Status, "Status", ""))
            (sortable(query, Column::Name, "Instance", ""))
            (sortable(query, Column::Agent, "Agent", "wide"))
            (sortable(query, Column::Age, "Age", ""))
            th scope="col" .wide { "Pool" }
            th scope="col" .wide { "URL" }
            th scope="col" .wide { "Tools" }
            th scope="col" .wide { "Recipe" }
            (sortable(query, Column::Health, "Last healthy", "wide"))
            th scope="col" .wide { span .hidden { "Actions" } }
        }
    }
}

fn sortable(query: &FleetQuery, column: Column, name: &str, class: &str) -> Markup {
    let chosen = query.sort == column;
    let link = query.change(|it| {
        it.order = if chosen {
            it.order.opposite()
        } else {
            Direction::Asc
        };
        it.sort = column;
    });
    let (sorted, arrow) = match query.order {
        Direction::Asc => ("ascending", "▲"),
        Direction::Desc => ("descending", "▼"),
    };
    html! {
        th scope="col" class=(class) aria-sort=[chosen.then_some(sorted)] {
            a href=(link) { (name) @if chosen { " " span aria-hidden="true" { (arrow) } } }
        }
    }
}

fn line(session: &Session, row: &InstanceRow, fleet: &Fleet, now: DateTime<Utc>) -> Markup {
    let it = &row.view;
    html! {
        tr {
            td { (format::status(it.status)) }
            td {
                a .mono href={ "/instances/" (it.id) } { (it.id) }
                @if let Some(agent) = &it.agent_name { span .small.slim { (agent) } }
            }
            td .wide { @if let Some(agent) = &it.agent_name { (agent) } }
            td .time { (format::age(it.created_at, now)) }
            td .wide { a href={ "/pools/" (it.pool) } { (it.pool) } }
            td .url.wide { @if let Some(url) = &it.url { span title=(url) { (url.as_str()) } } }
            td .wide { @if let Some(tools) = &row.tools { (tools.join(", ")) } }
            td .wide { (recipe(it, fleet)) }
            td .time.wide { @if let Some(at) = it.last_healthy_at { (format::ago(at, now)) } }
            td .number.wide { (action(session, row)) }
        }
    }
}

/// Whether the instance has the current recipe of its pool, and the version of its runtime.
fn recipe(instance: &InstanceView, fleet: &Fleet) -> Markup {
    let version = instance
        .runs
        .as_ref()
        .and_then(|runs| runs.version.as_ref());
    html! {
        @if let Some(hash) = &instance.made_from {
            @match fleet.recipes.get(instance.pool.as_str()) {
                Some(current) if current == hash.as_str() => span title=(hash) { "current" },
                Some(_) => span .tag.warn title=(hash) { "old" },
                None => {}
            }
        }
        @if let Some(version) = version { " " (version) }
    }
}

fn action(session: &Session, row: &InstanceRow) -> Markup {
    let id = &row.view.id;
    let (path, word) = match row.view.status {
        Status::Crashed => ("dismiss", "Dismiss"),
        Status::Starting | Status::Idle | Status::Claiming | Status::Claimed => ("kill", "Kill"),
        Status::Destroying => return html! {},
    };
    html! {
        @if session.role == Role::Operator {
            a .act href={ "/instances/" (id) "/" (path) } aria-label={ (word) " " (id) } { (word) }
        }
    }
}

fn pager(query: &FleetQuery, found: u32) -> Markup {
    let first = (query.page - 1) * PAGE_SIZE;
    let last = found.min(first + PAGE_SIZE);
    let to = |page| query.change(|it| it.page = page);
    html! {
        nav .pages aria-label="Table pages" {
            @if found > 0 {
                p { (format::thousands(first + 1)) " to " (format::thousands(last)) " of " (format::instances(found)) }
            }
            @if page_count(found) > 1 {
                div .actions {
                    @if query.page > 1 { a .button rel="prev" href=(to(query.page - 1)) { "Previous" } }
                    span .hint { "Page " (query.page) " of " (page_count(found)) }
                    @if query.page < page_count(found) { a .button rel="next" href=(to(query.page + 1)) { "Next" } }
                }
            }
        }
    }
}
