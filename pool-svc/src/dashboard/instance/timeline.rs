//! What happened to an instance, newest first.

use agent_pool_core::wire::pool::LifecycleEvent;
use chrono::Utc;
use maud::{Markup, html};

use super::super::show;

pub(super) fn timeline(events: &[LifecycleEvent]) -> Markup {
    let now = Utc::now();
    html! {
        section .card aria-labelledby="timeline" {
            h2 #timeline { "Timeline" }
            @if events.is_empty() {
                p .hint { "The log has nothing of it: entries older than POOL_EVENTS_KEEP_DAYS are removed." }
            }
            ol .timeline reversed {
                @for event in events {
                    @let word = event.to.map_or("gone", |status| status.as_str());
                    li class=(word) {
                        b { (word) } " " (in_words(&event.cause))
                        span .hint { (show::ago(event.at, now)) ", " (event.at.format("%Y-%m-%d %H:%M:%S UTC")) }
                    }
                }
            }
        }
    }
}

/// What a cause of the log says, for people; one that is not known here says itself.
fn in_words(cause: &str) -> &str {
    match cause {
        "warm_up" => "because the pool wanted one more",
        "creation_failed" => "because Services could not make it",
        "healthy" => "because its health check says that it is ready",
        "deployment_dead" => "because its deployment is dead",
        "unreachable" => "because it did not answer for too long",
        "lease_expired" => "because whoever worked on it did not finish in time",
        "claim" => "because a claim took it",
        "provisioned" => "because its claim is done",
        "claim_undone" => "because its claim ended before it had any effect",
        "claim_failed" => "because its claim failed half-way",
        "unhealthy_at_claim" => "because a claim found it unhealthy",
        "drained" => "because an operator drained it",
        "killed" => "because an operator killed it",
        "dismissed" => "because an operator dismissed it",
        "shut_down" => "because its creator was shut down",
        "destroyed" => "because all that it had is destroyed",
        "reappeared" => "because Services has it again",
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
            assert!(
                in_words(cause.as_str()).starts_with("because "),
                "{cause:?}"
            );
        }
    }
}
