//! The history of an instance, newest first.

use agent_pool_core::wire::pool::LifecycleEvent;
use chrono::Utc;
use maud::{Markup, html};

use super::super::format;

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
                    @let word = event.to.map_or("gone", |status| status.as_str());
                    li class=(word) {
                        b { (word) } " " (in_words(&event.cause))
                        span .hint { (format::ago(event.at, now)) ", " (event.at.format("%Y-%m-%d %H:%M:%S UTC")) }
                    }
                }
            }
        }
    }
}

/// A cause in words. An unknown cause is shown as it is.
fn in_words(cause: &str) -> &str {
    match cause {
        "warm_up" => "to fill the pool",
        "creation_failed" => "because its creation failed",
        "healthy" => "because it became healthy",
        "deployment_dead" => "because its deployment ended",
        "unreachable" => "because it did not answer",
        "lease_expired" => "because an operation on it timed out",
        "claim" => "for a claim",
        "provisioned" => "by a claim",
        "claim_undone" => "because its claim ended without effect",
        "claim_failed" => "because its claim failed",
        "unhealthy_at_claim" => "because a claim found it unhealthy",
        "drained" => "drained by an operator",
        "killed" => "killed by an operator",
        "dismissed" => "dismissed by an operator",
        "shut_down" => "because of a shutdown",
        "destroyed" => "all resources destroyed",
        "reappeared" => "because it reappeared in Services",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::Cause;

    #[test]
    fn every_cause_has_its_words() {
        for cause in Cause::ALL {
            assert_ne!(in_words(cause.as_str()), cause.as_str());
        }
    }
}
