//! The history of an instance, newest first.

use agent_pool_core::wire::pool::LifecycleEvent;
use chrono::Utc;
use maud::{Markup, html};

use super::super::{cause, events, format};

pub(super) fn timeline(events: &[LifecycleEvent]) -> Markup {
    let now = Utc::now();
    html! {
        section .card aria-labelledby="timeline" {
            h2 #timeline { "History" }
            @if events.is_empty() {
                p .hint { "No events. Events older than POOL_EVENTS_KEEP_DAYS are removed." }
            }
            ol .timeline reversed {
                @for event in events {
                    @let word = event.to.map_or("destroyed", |status| status.as_str());
                    li class=(word) {
                        b { (word) } " " (cause::in_words(&event.cause))
                        span .hint { (format::ago(event.at, now)) ", " (event.at.format("%Y-%m-%d %H:%M:%S UTC"))
                            @if event.principal.is_some() { ", by " (events::by(event)) }
                        }
                    }
                }
            }
        }
    }
}
