//! The pages, rendered on the server: they work without JavaScript, and load nothing from other hosts.

use agent_pool_core::wire::problem::Problem;
use maud::{DOCTYPE, Markup, html};

use crate::conversation::{MAX_MESSAGE_CHARS, Message};
use crate::store::Agent;

/// The conversation with an agent.
pub(crate) fn chat(agent: &Agent, messages: &[Message]) -> Markup {
    let name = &agent.request.agent_name;
    let content = html! {
        header { h1 { (name) } }
        main id="log" aria-live="polite" {
            @if messages.is_empty() {
                p.note { "This is the beginning of your conversation with " (name) "." }
            }
            @for message in messages { (bubble(message)) }
        }
        form id="say" method="post" aria-label={ "Talk to " (name) } {
            label.hidden for="text" { "Message to " (name) }
            textarea id="text" name="text" rows="2" required autofocus
                maxlength=(MAX_MESSAGE_CHARS) placeholder={ "Message to " (name) } {}
            button type="submit" { "Send" }
        }
    };
    document(name.as_str(), &content)
}

fn bubble(message: &Message) -> Markup {
    html! {
        @match message {
            Message::Person { text } => p.person { (text) },
            Message::Agent { text } => p.agent { (text) },
            Message::Fault { text } => p.fault role="alert" { (text) },
            Message::Guest { name, url } => p.note {
                (name) " has joined: "
                a href=(url.as_str()) rel="noopener noreferrer" { "talk to " (name) }
            },
        }
    }
}

/// Why there is no conversation to show.
pub(crate) fn problem(problem: &Problem) -> Markup {
    let content = html! {
        header { h1 { (problem.title) } }
        main { p.fault role="alert" { (problem.detail) } }
    };
    document(&problem.title, &content)
}

fn document(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) }
                link rel="stylesheet" href="/chat.css";
                link rel="icon" href="data:,";
                script src="/chat.js" defer {}
            }
            body { (content) }
        }
    }
}
