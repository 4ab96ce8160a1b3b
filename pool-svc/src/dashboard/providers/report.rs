//! The results of the last sweep.

use agent_pool_client::CallError;
use agent_pool_core::wire::problem::ProblemCode;
use agent_pool_core::wire::services::{Missing, Orphan, SweepReport};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use url::form_urlencoded;

use super::super::session::{Role, Session};
use super::super::{format, page};

pub(super) fn report(session: &Session, last: &Result<SweepReport, CallError>) -> Markup {
    let operator = session.role == Role::Operator;
    let some_left = last
        .as_ref()
        .is_ok_and(|report| report.orphans.iter().any(|orphan| !orphan.destroyed));
    html! {
        section aria-labelledby="sweep" {
            div .head {
                div {
                    h2 #sweep { "Last sweep" }
                    p .hint { (swept_at(last)) }
                }
                @if operator {
                    div .actions {
                        form method="post" action="/providers/sweep" {
                            (page::csrf_field(session))
                            button type="submit" { "Sweep now" }
                        }
                        @if some_left { a .button href="/providers/orphans" { "Destroy all orphans" } }
                    }
                }
            }
            @if let Ok(report) = last { (findings(report, operator)) }
        }
    }
}

fn swept_at(last: &Result<SweepReport, CallError>) -> Markup {
    html! {
        @match last {
            Ok(report) => {
                (format::ago(report.swept_at, Utc::now())) ", took " (format::millis(report.took_ms))
            },
            Err(error) if error.is(&ProblemCode::NotSwept) => "No sweep has finished yet.",
            Err(error) => (page::sentence(&error.to_string())),
        }
    }
}

fn findings(report: &SweepReport, operator: bool) -> Markup {
    let now = Utc::now();
    html! {
        @for (provider, why) in &report.failures {
            p .notice.warn { b { (provider) } " could not be swept: " (why) "." }
        }
        @if report.orphans.is_empty() && report.missing.is_empty() {
            div .table { p .empty { "No orphans, and nothing is missing." } }
        } @else {
            div .table {
                table {
                    caption .hidden { "Results of the last sweep" }
                    thead { tr {
                        th scope="col" { "Found" } th scope="col" { "Resource" }
                        th scope="col" .wide { "Instance" } th scope="col" .wide { "Since" }
                        @if operator { th scope="col" { span .hidden { "Actions" } } }
                    } }
                    tbody {
                        @for it in &report.orphans { (orphan_row(it, operator, now)) }
                        @for it in &report.missing { (missing_row(it, operator, now)) }
                    }
                }
            }
            p .hint {
                "An orphan is a resource at a provider that belongs to no instance. A missing resource belongs to "
                "an instance, but its provider no longer lists it."
            }
        }
    }
}

fn orphan_row(it: &Orphan, operator: bool, now: DateTime<Utc>) -> Markup {
    html! {
        tr {
            td { @if it.destroyed { span .tag.gone { "orphan, destroyed" } } @else { span .tag.bad { "orphan" } } }
            td { span .mono { (it.resource_id) } span .small { (it.provider) } }
            td .mono.wide { (it.instance_id) }
            td .time.wide { @if let Some(at) = it.created_at { (format::ago(at, now)) } }
            @if operator {
                td .number {
                    @if !it.destroyed {
                        a .act href=(destroy_link(it)) aria-label={ "Destroy " (it.resource_id) } { "Destroy" }
                    }
                }
            }
        }
    }
}

/// The page that confirms the destruction of one orphan.
fn destroy_link(it: &Orphan) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("provider", &it.provider)
        .append_pair("resource", &it.resource_id)
        .finish();
    format!("/providers/orphans?{query}")
}

fn missing_row(it: &Missing, operator: bool, now: DateTime<Utc>) -> Markup {
    html! {
        tr {
            td { @if it.repaired { span .tag { "missing, recreated" } } @else { span .tag.warn { "missing" } } }
            td { span .mono { (it.resource_id) } span .small { (it.provider) } }
            td .mono.wide { a href={ "/instances/" (it.instance_id) } { (it.instance_id) } }
            td .time.wide { (format::ago(it.since, now)) }
            @if operator { td {} }
        }
    }
}
