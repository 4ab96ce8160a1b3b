//! The form of a claim, and the offer to wait.

use agent_pool_core::wire::AgentName;
use agent_pool_core::wire::problem::Problem;
use maud::{Markup, html};

use super::super::page;
use super::super::session::Session;
use super::order::{Filled, OWN};
use crate::templates::Catalogue;

/// The steps of a claim as its events name them, and for people.
const STEPS: [(&str, &str); 4] = [
    ("taken", "Take an idle instance"),
    ("configured", "Set its name and instructions"),
    ("provisioned", "Open its conversation"),
    ("recorded", "Hand it over"),
];

pub(super) fn form(
    catalogue: &Catalogue,
    session: &Session,
    filled: &Filled,
    problem: Option<&Problem>,
) -> Markup {
    html! {
        div .head {
            div {
                h1 { "Claim an agent" }
                p .hint { "An idle instance becomes your agent, in about a second." }
            }
        }
        @if let Some(problem) = problem {
            p .notice.bad role="alert" { (page::sentence(&problem.detail)) " Nothing else was changed: correct it, or try again." }
        }
        (progress())
        form #claim method="post" action="/claim" data-stream="/claim/stream" {
            (page::token(session))
            input type="hidden" name="attempt" value=(filled.attempt);
            (templates(catalogue, &filled.template))
            div .card {
                (text_fields(filled))
                label .check .field {
                    input type="checkbox" name="wait" value="on" checked[!filled.wait.is_empty()];
                    "If no instance is idle, wait for one, up to 5 minutes"
                }
                div .actions { button type="submit" .primary { "Claim" } }
            }
        }
    }
}

/// Shown by the script, which also says how far it is.
fn progress() -> Markup {
    html! {
        section #progress .card.short hidden tabindex="-1" aria-labelledby="progress-title" {
            h2 #progress-title { "Claiming" }
            p #progress-note role="status" .hint { "Looking for an idle instance." }
            ol .steps {
                @for (step, words) in STEPS { li data-step=(step) { (words) } }
            }
        }
        div #failure .notice.bad role="alert" tabindex="-1" hidden {
            p #failure-text {}
            button #wait type="button" hidden { "Wait for one" }
        }
    }
}

fn templates(catalogue: &Catalogue, chosen: &str) -> Markup {
    let own = catalogue.find(chosen).is_none();
    html! {
        fieldset {
            legend { "What it is to be" }
            div .templates {
                label .template {
                    input type="radio" name="template" value=(OWN) checked[own];
                    b { span aria-hidden="true" { "✏️ " } "Your own" }
                    span .hint { "With a name and instructions that you write." }
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

fn text_fields(filled: &Filled) -> Markup {
    html! {
        div .pair {
            div .field {
                label for="name" { "Name" }
                input #name name="name" value=(filled.name) maxlength=(AgentName::MAX_CHARS) autocomplete="off"
                    aria-describedby="name-hint";
                p #name-hint .hint { "Empty: the template's, or else the instance's." }
            }
            div .field {
                label for="join" { "Conversation to join" }
                input #join type="url" name="join_url" value=(filled.join_url) autocomplete="off"
                    placeholder="https://" aria-describedby="join-hint";
                p #join-hint .hint { "The invite link of one that is there. Empty: a new one is opened." }
            }
        }
        div .field {
            label for="instructions" { "Instructions" }
            textarea #instructions name="instructions" rows="5" aria-describedby="instructions-hint" {
                (filled.instructions)
            }
            p #instructions-hint .hint { "What the agent is told to be. Empty: the template's, or else a helpful assistant." }
        }
    }
}

/// No instance was idle: whether to wait.
pub(super) fn none_idle(session: &Session, filled: &Filled) -> Markup {
    let again = |wait: &str, button: &str, class: &str| {
        html! {
            form method="post" action="/claim" {
                (page::token(session))
                @for (name, value) in [
                    ("attempt", filled.attempt.as_str()),
                    ("template", &filled.template),
                    ("name", &filled.name),
                    ("instructions", &filled.instructions),
                    ("join_url", &filled.join_url),
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
                @if filled.wait.is_empty() { "Every warm instance is taken just now." }
                @else { "None became idle in 5 minutes. The fleet says whether creations fail." }
            }
            p { "Waiting asks for one more to be made, and gives you the next that becomes idle: first come, "
                "first served, for up to 5 minutes. Leave the page open meanwhile." }
            div .actions {
                (again("on", "Wait for one", "primary"))
                (again("", "Try again now", ""))
                a .button href="/" { "Look at the fleet" }
            }
        }
    }
}
