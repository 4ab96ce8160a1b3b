//! The model: the legal statuses of an instance, and the causes of changes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::play::Played;
use crate::fake::Op;

/// The legal transitions of an instance; `None` means that it does not exist.
const LEGAL: [(Option<&str>, Option<&str>); 12] = [
    (None, Some("starting")),
    (Some("starting"), Some("idle")),
    (Some("starting"), Some("destroying")),
    (Some("idle"), Some("claiming")),
    (Some("idle"), Some("destroying")),
    (Some("claiming"), Some("claimed")),
    (Some("claiming"), Some("idle")),
    (Some("claiming"), Some("destroying")),
    (Some("claimed"), Some("crashed")),
    (Some("claimed"), Some("destroying")),
    (Some("crashed"), Some("destroying")),
    (Some("destroying"), None),
];

/// One entry of the lifecycle log.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Event {
    pub(super) id: i64,
    pub(super) instance: String,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) cause: String,
}

/// The fleet in the model.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) fleet: BTreeMap<String, String>,
    /// Instances whose deployment has crashed.
    pub(super) dead: BTreeSet<String>,
    /// The agent of each instance, now or earlier.
    owners: BTreeMap<String, String>,
    pub(super) seen: i64,
}

impl Model {
    pub(super) fn count(&self, status: &str) -> usize {
        self.fleet.values().filter(|it| *it == status).count()
    }

    /// Applies the log and the answers: each entry of the log must be legal and have a reason, and each answer must be
    /// in the log.
    pub(super) fn follow(&mut self, events: &[Event], played: &Played) {
        self.claims_find_all_that_is_idle(played);
        let mut claimed = BTreeSet::new();
        for event in events {
            assert!(
                self.has_reason(event, played),
                "without a reason: {event:?}"
            );
            self.step(event);
            if event.cause == "provisioned" {
                claimed.insert(event.instance.clone());
            }
            self.seen = event.id;
        }
        let mut answered = BTreeSet::new();
        for (instance, agent) in &played.claimed {
            assert!(
                answered.insert(instance.clone()),
                "{instance} was handed out twice at once"
            );
            let before = self.owners.insert(instance.clone(), agent.clone());
            assert_eq!(before, None, "{instance} was handed out before");
        }
        assert_eq!(answered, claimed, "the answer and the log");
        self.bounded(events, played);
        for id in &played.condemned {
            let status = self.fleet.get(id).map(String::as_str);
            assert!(
                matches!(status, None | Some("destroying")),
                "{id} is {status:?}"
            );
        }
    }

    /// The agents that must still exist, each with its instance.
    pub(super) fn agents(&self) -> BTreeMap<String, String> {
        let claimed = self.fleet.iter().filter(|(_, status)| *status == "claimed");
        let owner = |id: &String| (id.clone(), self.owners[id].clone());
        claimed.map(|(id, _)| owner(id)).collect()
    }

    fn step(&mut self, event: &Event) {
        let was = match &event.to {
            Some(to) => self.fleet.insert(event.instance.clone(), to.clone()),
            None => self.fleet.remove(&event.instance),
        };
        assert_eq!(was, event.from, "{event:?}");
        let step = (event.from.as_deref(), event.to.as_deref());
        assert!(LEGAL.contains(&step), "not legal: {event:?}");
    }

    fn has_reason(&self, event: &Event, played: &Played) -> bool {
        let failed = |op| played.faults.contains(&op);
        let condemned = played.condemned.contains(&event.instance);
        let dead = self.dead.contains(&event.instance);
        match event.cause.as_str() {
            "warm_up" => played.ticks || played.replenished > 0,
            "creation_failed" => failed(Op::Create),
            "healthy" => !dead,
            "deployment_dead" | "unreachable" => dead && played.ticks,
            "lease_expired" => played.leases_expire,
            "claim" => played.claims > 0,
            "provisioned" => played.claimed.contains_key(&event.instance),
            "claim_undone" => failed(Op::Configure),
            "claim_failed" => failed(Op::Configure) || failed(Op::Provision) || condemned,
            "unhealthy_at_claim" => dead || failed(Op::Health),
            "drained" => played.drained > 0,
            "killed" | "dismissed" => condemned,
            "destroyed" => true,
            _ => false,
        }
    }

    /// Without faults and other requests, exactly as many claims succeed as possible.
    fn claims_find_all_that_is_idle(&self, played: &Played) {
        let alive =
            |(id, status): &(&String, &String)| *status == "idle" && !self.dead.contains(*id);
        let undisturbed = played.only_claims && self.dead.is_empty();
        if undisturbed {
            let idle = self.fleet.iter().filter(alive).count();
            assert_eq!(played.claimed.len(), idle.min(played.claims));
        }
    }

    fn bounded(&self, events: &[Event], played: &Played) {
        let caused = |cause: &str| events.iter().filter(|event| event.cause == cause).count();
        assert!(
            caused("drained") <= played.drained,
            "more were drained than asked"
        );
        if !played.ticks {
            assert!(
                caused("warm_up") <= played.replenished,
                "more were made than asked"
            );
        }
        assert!(
            self.fleet.len() <= super::MAX_TOTAL,
            "more than POOL_MAX_TOTAL"
        );
    }
}
