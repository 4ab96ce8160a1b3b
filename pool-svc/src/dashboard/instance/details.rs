//! What Services says of an instance: where it runs, its tools and what they have used. No secret is in
//! what Services answers.

use agent_pool_client::CallError;
use agent_pool_core::wire::problem::ProblemCode;
use agent_pool_core::wire::services::{
    InstanceDetails, InstanceInfraDetails, InstancePhase, InstanceToolDetails, ToolStatus,
};
use chrono::Utc;
use maud::{Markup, html};

use super::super::{page, show};

/// Where it runs, or why that is not known.
pub(super) fn infra(answer: &Result<InstanceDetails, CallError>) -> Markup {
    html! {
        section .card aria-labelledby="infra" {
            h2 #infra { "Runs on" }
            @match answer {
                Ok(details) => (place(&details.infra, details.busy)),
                Err(error) if error.is(&ProblemCode::UnknownInstance) => p .hint {
                    "Services has nothing of it: it is not made yet, or all of it is destroyed."
                },
                Err(error) => p .notice.warn {
                    (page::sentence(&error.to_string()))
                    " Where it runs and what its tools have used is shown when Services answers again."
                },
            }
        }
    }
}

fn place(infra: &InstanceInfraDetails, busy: bool) -> Markup {
    let phase = match infra.phase {
        InstancePhase::Creating => "being made",
        InstancePhase::Made => "made",
        InstancePhase::Destroying => "being destroyed",
    };
    html! {
        dl {
            dt { "Infra" } dd { (infra.provider) }
            dt { "Phase" } dd { (phase) @if busy { ", Services is at work on it" } }
            @if let Some(id) = &infra.service_id { dt { "Service" } dd .mono { (id) } }
            @if let Some(status) = &infra.deploy_status { dt { "Deployment" } dd { (status) } }
            @if let Some(image) = &infra.image { dt { "Image" } dd .mono { (image) } }
            dt { "Made" } dd { (show::ago(infra.created_at, Utc::now())) }
        }
    }
}

pub(super) fn tools(tools: &[InstanceToolDetails]) -> Markup {
    html! {
        section .card aria-labelledby="tools" {
            h2 #tools { "Tools" }
            @if tools.is_empty() { p .hint { "It has no tools." } }
            @else {
                table {
                    thead { tr { th scope="col" { "Tool" } th scope="col" { "Resource" } th scope="col" { "Used" } } }
                    tbody { @for tool in tools { (line(tool)) } }
                }
            }
        }
    }
}

fn line(tool: &InstanceToolDetails) -> Markup {
    html! {
        tr {
            td {
                (tool.tool_id)
                @if tool.status == ToolStatus::Destroyed { " " span .tag.warn { "destroyed" } }
            }
            td .mono { @match &tool.resource_id { Some(id) => (id), None => "being made" } }
            td { (used(tool)) }
        }
    }
}

fn used(tool: &InstanceToolDetails) -> Markup {
    html! {
        @match &tool.usage {
            None => span .hint { "not known" },
            Some(usage) if usage.0.is_empty() => span .hint { "nothing" },
            Some(usage) => @for (what, number) in &usage.0 {
                div { (what) ": " (in_short(*number)) }
            },
        }
    }
}

/// At most four places behind the point, and none that says nothing.
fn in_short(number: f64) -> String {
    let text = format!("{number:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        for (number, text) in [
            (0.0, "0"),
            (12.0, "12"),
            (100.0, "100"),
            (0.123_456, "0.1235"),
        ] {
            assert_eq!(in_short(number), text);
        }
    }
}
