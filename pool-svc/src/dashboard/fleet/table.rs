//! The table of instances.

use agent_pool_core::wire::pool::Status;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::super::db::fleet::Listed;
use super::super::session::{Role, Session};
use super::super::show;
use super::asked::{Asked, Column, Direction};
use super::{Fleet, ON_A_PAGE, pages};

pub(super) fn table(session: &Session, asked: &Asked, fleet: &Fleet, now: DateTime<Utc>) -> Markup {
    html! {
        @if fleet.rows.is_empty() {
            div .table { p .empty { (why_empty(asked)) } }
        } @else {
            div .table {
                table {
                    caption .hidden { "Instances, " (show::thousands(fleet.found)) " in all" }
                    thead { (head(asked)) }
                    tbody { @for row in &fleet.rows { (line(session, row, now)) } }
                }
            }
        }
        (pager(asked, fleet.found))
    }
}

fn why_empty(asked: &Asked) -> &'static str {
    if asked.narrows() {
        "No instance fits. Search for less, or show all statuses."
    } else {
        "There is no instance yet. Replenish begins some, and so does the next tick."
    }
}

fn head(asked: &Asked) -> Markup {
    html! {
        tr {
            (sortable(asked, Column::Status, "Status", ""))
            (sortable(asked, Column::Name, "Instance", ""))
            (sortable(asked, Column::Agent, "Agent", "wide"))
            (sortable(asked, Column::Age, "Age", ""))
            th scope="col" .wide { "URL" }
            th scope="col" .wide { "Tools" }
            (sortable(asked, Column::Health, "Last healthy", "wide"))
            th scope="col" .wide { span .hidden { "Actions" } }
        }
    }
}

fn sortable(asked: &Asked, column: Column, name: &str, class: &str) -> Markup {
    let chosen = asked.sort == column;
    let link = asked.change(|it| {
        it.order = if chosen {
            it.order.opposite()
        } else {
            Direction::Asc
        };
        it.sort = column;
    });
    let (sorted, arrow) = match asked.order {
        Direction::Asc => ("ascending", "▲"),
        Direction::Desc => ("descending", "▼"),
    };
    html! {
        th scope="col" class=(class) aria-sort=[chosen.then_some(sorted)] {
            a href=(link) { (name) @if chosen { " " span aria-hidden="true" { (arrow) } } }
        }
    }
}

fn line(session: &Session, row: &Listed, now: DateTime<Utc>) -> Markup {
    let it = &row.view;
    html! {
        tr {
            td { (show::status(it.status)) }
            td {
                a .mono href={ "/instances/" (it.id) } { (it.id) }
                @if let Some(agent) = &it.agent_name { span .small.slim { (agent) } }
            }
            td .wide { @if let Some(agent) = &it.agent_name { (agent) } }
            td .time { (show::age(it.created_at, now)) }
            td .url.wide { @if let Some(url) = &it.url { span title=(url) { (url.as_str()) } } }
            td .wide { @if let Some(tools) = &row.tools { (tools.join(", ")) } }
            td .time.wide { @if let Some(at) = it.last_healthy_at { (show::ago(at, now)) } }
            td .number.wide { (action(session, row)) }
        }
    }
}

fn action(session: &Session, row: &Listed) -> Markup {
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

fn pager(asked: &Asked, found: u32) -> Markup {
    let first = (asked.page - 1) * ON_A_PAGE;
    let last = found.min(first + ON_A_PAGE);
    let to = |page| asked.change(|it| it.page = page);
    html! {
        nav .pages aria-label="Pages of the table" {
            @if found > 0 {
                p { (show::thousands(first + 1)) " to " (show::thousands(last)) " of " (show::instances(found)) }
            }
            @if pages(found) > 1 {
                div .actions {
                    @if asked.page > 1 { a .button rel="prev" href=(to(asked.page - 1)) { "Previous" } }
                    span .hint { "Page " (asked.page) " of " (pages(found)) }
                    @if asked.page < pages(found) { a .button rel="next" href=(to(asked.page + 1)) { "Next" } }
                }
            }
        }
    }
}
