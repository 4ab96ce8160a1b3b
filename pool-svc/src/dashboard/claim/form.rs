//! The claim form, and the offer to wait for an instance.

use agent_pool_core::PoolName;
use agent_pool_core::wire::AgentName;
use agent_pool_core::wire::problem::Problem;
use maud::{Markup, html};

use super::super::page;
use super::super::session::Session;
use super::fields::{CUSTOM, ClaimForm};
use crate::templates::Catalogue;

/// The steps of a claim: their names in events and on the page.
const STEPS: [(&str, &str); 4] = [
    ("taken", "Reserve an idle instance"),
    ("configured", "Set name and instructions"),
    ("provisioned", "Open the conversation"),
    ("recorded", "Finish"),
];

pub(super) fn form(
    catalogue: &Catalogue,
    session: &Session,
    fields: &ClaimForm,
    problem: Option<&Problem>,
) -> Markup {
    html! {
        div .head {
            div {
                h1 { "Claim an agent" }
                p .hint { "Turns an idle instance into your agent. Takes about a second." }
            }
        }
        @if let Some(problem) = problem {
            p .notice.bad role="alert" { (page::explain(problem)) " Correct the form or try again." }
        }
        (progress())
        form #claim method="post" action="/claim" data-stream="/claim/stream" {
            (page::csrf_field(session))
            input type="hidden" name="attempt" value=(fields.attempt);
            (templates(catalogue, &fields.template))
            div .card {
                (text_fields(fields))
                div .pair {
                    div .field {
                        label for="pool" { "Pool" }
                        input #pool name="pool" value=(fields.pool) autocomplete="off" spellcheck="false"
                            aria-describedby="pool-hint";
                        p #pool-hint .hint { "Optional. Defaults to the pool of the template, or to default." }
                    }
                    div .field {
                        label for="ttl" { "Hours until it ends" }
                        input #ttl name="ttl_hours" value=(fields.ttl_hours) inputmode="decimal" autocomplete="off"
                            aria-describedby="ttl-hint";
                        p #ttl-hint .hint { "Optional. Then the agent is destroyed. Defaults to the policy of its pool." }
                    }
                }
                label .check .field {
                    input type="checkbox" name="wait" value="on" checked[!fields.wait.is_empty()];
                    "If no instance is idle, wait up to 5 minutes for one"
                }
                div .actions { button type="submit" .primary { "Claim" } }
            }
        }
    }
}

/// Shown and updated by the script.
fn progress() -> Markup {
    html! {
        section #progress .card.short hidden tabindex="-1" aria-labelledby="progress-title" {
            h2 #progress-title { "Claiming" }
            p #progress-note role="status" .hint { "Looking for an idle instance…" }
            ol .steps {
                @for (step, words) in STEPS { li data-step=(step) { (words) } }
            }
        }
        div #failure .notice.bad role="alert" tabindex="-1" hidden {
            p #failure-text {}
            button #wait type="button" hidden { "Wait for an instance" }
        }
    }
}

fn templates(catalogue: &Catalogue, chosen: &str) -> Markup {
    let own = catalogue.find(chosen).is_none();
    html! {
        fieldset {
            legend { "Template" }
            div .templates {
                label .template {
                    input type="radio" name="template" value=(CUSTOM) checked[own];
                    b { span aria-hidden="true" { "✏️ " } "Custom" }
                    span .hint { "Write your own name and instructions." }
                }
                @for it in catalogue.all() {
                    label .template {
                        input type="radio" name="template" value=(it.slug) checked[it.slug == chosen];
                        b { span aria-hidden="true" { (it.emoji) " " } (it.name) }
                        span .hint { (it.description) }
                    }
                }
            }
        }
    }
}

fn text_fields(fields: &ClaimForm) -> Markup {
    html! {
        div .pair {
            div .field {
                label for="name" { "Name" }
                input #name name="name" value=(fields.name) maxlength=(AgentName::MAX_CHARS) autocomplete="off"
                    aria-describedby="name-hint";
                p #name-hint .hint { "Optional. Defaults to the name of the template." }
            }
            div .field {
                label for="join" { "Conversation to join" }
                input #join type="url" name="join_url" value=(fields.join_url) autocomplete="off"
                    placeholder="https://" aria-describedby="join-hint";
                p #join-hint .hint { "Optional. An invite link; without one, a new conversation is opened." }
            }
        }
        div .field {
            label for="instructions" { "Instructions" }
            textarea #instructions name="instructions" rows="5" aria-describedby="instructions-hint" {
                (fields.instructions)
            }
            p #instructions-hint .hint { "Optional. Defaults to the instructions of the template, or to a helpful assistant." }
        }
    }
}

/// Offers to wait, because no instance is idle.
pub(super) fn none_idle(session: &Session, fields: &ClaimForm, pool: &PoolName) -> Markup {
    let again = |wait: &str, button: &str, class: &str| {
        html! {
            form method="post" action="/claim" {
                (page::csrf_field(session))
                @for (name, value) in [
                    ("attempt", fields.attempt.as_str()),
                    ("template", &fields.template),
                    ("pool", &fields.pool),
                    ("name", &fields.name),
                    ("instructions", &fields.instructions),
                    ("join_url", &fields.join_url),
                    ("ttl_hours", &fields.ttl_hours),
                    ("wait", wait),
                ] { input type="hidden" name=(name) value=(value); }
                button type="submit" class=(class) { (button) }
            }
        }
    };
    html! {
        div .head { h1 { "No instance is idle" } }
        div .card.short {
            p role="alert" {
                @if fields.wait.is_empty() { "All warm instances are in use. " }
                @else { "No instance became idle within 5 minutes. " }
                "The page of " a href={ "/pools/" (pool) } { "pool " (pool) } " shows why."
            }
            p { "If you wait, the pool creates an instance and gives you the next one that becomes idle, first come, "
                "first served. This takes up to 5 minutes. Keep this page open." }
            div .actions {
                (again("on", "Wait for an instance", "primary"))
                (again("", "Try again", ""))
                a .button href="/" { "Back to the fleet" }
            }
        }
    }
}
