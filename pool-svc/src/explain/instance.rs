//! The history of an instance in sentences.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{ExplainedStep, Explanation, LifecycleEvent, Status};
use agent_pool_service_kit::elapsed::in_largest_unit;
use chrono::{DateTime, Utc};

use super::now;

/// The history of an instance from its events, oldest first.
pub(crate) fn explain_instance(
    id: &InstanceId,
    events: &[LifecycleEvent],
    at: DateTime<Utc>,
) -> Explanation {
    let mut steps = Vec::new();
    let mut before: Option<&LifecycleEvent> = None;
    for event in events {
        steps.push(ExplainedStep {
            at: Some(event.at),
            text: sentence(event, before),
        });
        // An entry about a tool does not change the status.
        if event.from != event.to || before.is_none() {
            before = Some(event);
        }
    }
    if let Some(last) = before {
        steps.push(now(standing(last, at)));
    }
    Explanation {
        subject: format!("instance {id}"),
        steps,
    }
}

fn sentence(event: &LifecycleEvent, before: Option<&LifecycleEvent>) -> String {
    let took = before.map(|before| in_largest_unit(event.at - before.at));
    let after = took.map_or_else(String::new, |took| format!(" after {took}"));
    let what = match event.cause.as_str() {
        "warm_up" => "It was made to fill the pool".to_owned(),
        "creation_failed" => format!("It was given up{after}, because it could not be created"),
        "healthy" => format!("It became idle{after}, because its health check succeeded"),
        "deployment_dead" if event.to == Some(Status::Crashed) => {
            format!("It crashed{after}: its deployment ended")
        }
        "deployment_dead" => format!("It was condemned{after}, because its deployment ended"),
        "unreachable" => format!("It was condemned{after}, because it did not answer for too long"),
        "lease_expired" => {
            format!("It was condemned{after}, because the replica that worked on it died")
        }
        "claim" => format!("A claim took it{after}: it was the oldest idle instance"),
        "pending_acceptance" => {
            "Its agent asked to join a conversation and waits to be accepted".to_owned()
        }
        "not_accepted" => format!("It was condemned{after}, because its agent was not accepted"),
        "provisioned" => format!("It became an agent{after}"),
        "found_claimed" => {
            format!("It became an agent{after}: a claim found that its runtime already runs one")
        }
        "claim_undone" => format!("It went back to idle{after}: its claim had no effect on it"),
        "claim_failed" => {
            format!("It was condemned{after}: its claim failed and may have had an effect")
        }
        "unhealthy_at_claim" => "It was condemned, because a claim found it unhealthy".to_owned(),
        "drained" => format!("It was drained{after}"),
        "replaced" => format!("It was replaced{after} by one that is made from the newest recipe"),
        "surplus" => format!("It was removed{after}, because the pool needed fewer"),
        "stale" => format!("It was replaced{after}, because it had been idle for too long"),
        "expired" => format!("It was ended{after}, because it had been an agent for too long"),
        "inactive" => format!("It was ended{after}, because its agent did nothing for too long"),
        "ending_soon" => format!("A warning was sent{after}: its pool will end it soon"),
        "protected" => format!("It was protected{after}"),
        "unprotected" => format!("Its protection was lifted{after}"),
        "pool_deleted" => format!("It was condemned{after}, because its pool was deleted"),
        "killed" => format!("It was killed{after}"),
        "dismissed" => format!("It was dismissed{after}"),
        "shut_down" => {
            "It was given up, because its replica shut down before it was created".to_owned()
        }
        "destroyed" => format!("It was destroyed with all its resources{after}"),
        "reappeared" => "It will be destroyed again, because Services still has it".to_owned(),
        "adopted" => "It was taken over from the Node.js original".to_owned(),
        "tool_added" => "A tool was added".to_owned(),
        "tool_released" => "A tool was released".to_owned(),
        other => format!("It changed{after}: {other}"),
    };
    let reason = event.reason.as_ref();
    let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
    let by = event.principal.as_ref();
    let by = by.map_or_else(String::new, |name| format!(", requested by {name}"));
    format!("{what}{by}{reason}.")
}

fn standing(last: &LifecycleEvent, at: DateTime<Utc>) -> String {
    let since = in_largest_unit(at - last.at);
    match last.to {
        None => format!("It was destroyed {since} ago."),
        Some(Status::Idle) => format!("It has been idle for {since} and waits for a claim."),
        Some(Status::Starting) => format!("Its creation began {since} ago."),
        Some(Status::Claiming) => format!("A claim has been in progress for {since}."),
        Some(Status::Claimed) => format!("It has been an agent for {since}."),
        Some(Status::Crashed) => {
            format!("It crashed {since} ago and is kept until it is dismissed.")
        }
        Some(Status::Destroying) => format!("Its destruction began {since} ago."),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lifecycle::Cause;

    fn event(cause: &str, to: Option<&str>, second: u32) -> LifecycleEvent {
        serde_json::from_value(json!({
            "id": 1, "instanceId": "k3v9x0a1b2c3", "from": null, "to": to, "cause": cause,
            "at": format!("2026-11-29T01:{:02}:{:02}Z", second / 60, second % 60),
        }))
        .unwrap()
    }

    #[test]
    fn events_of_an_instance_become_sentences() {
        let mut events = [
            event("warm_up", Some("starting"), 0),
            event("healthy", Some("idle"), 46),
            event("claim", Some("claiming"), 346),
            event("killed", Some("destroying"), 400),
        ];
        events[0].reason = Some("7 needed for 2.1 claims a minute".to_owned());
        events[3].principal = Some("ann".to_owned());
        let id: InstanceId = "k3v9x0a1b2c3".parse().unwrap();
        let story = explain_instance(&id, &events, "2026-11-29T01:07:00Z".parse().unwrap());
        let texts: Vec<_> = story.steps.iter().map(|step| step.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "It was made to fill the pool (7 needed for 2.1 claims a minute).",
                "It became idle after 46 s, because its health check succeeded.",
                "A claim took it after 5 min: it was the oldest idle instance.",
                "It was killed after 54 s, requested by ann.",
                "Its destruction began 20 s ago.",
            ]
        );
    }

    #[test]
    fn every_cause_has_a_sentence() {
        for cause in Cause::ALL {
            let text = sentence(&event(cause.as_str(), None, 0), None);
            assert!(!text.starts_with("It changed"), "{text}");
        }
    }
}
