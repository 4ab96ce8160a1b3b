//! The webhooks of vendors that this process received; [`crate::ops::follow_notices`] acts on them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use agent_pool_core::{InfraId, VendorNotice};
use metrics::counter;
use tokio::sync::Notify;

/// Notices that are remembered, to recognise one that comes twice. One that is forgotten costs a look.
const REMEMBERED: usize = 1_000;

/// The notices of this process.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    seen: VecDeque<(InfraId, String)>,
    /// Infras to ask anew.
    changed: BTreeSet<InfraId>,
}

impl Notices {
    /// Takes a notice. Returns whether it is a new one.
    pub(crate) fn take(&self, infra: &InfraId, notice: &VendorNotice) -> bool {
        let key = (infra.clone(), notice.id.clone());
        let mut state = self.lock();
        let fresh = !state.seen.contains(&key);
        let outcome = if fresh { "fresh" } else { "repeated" };
        counter!("agent_pool_vendor_notices_total", "outcome" => outcome).increment(1);
        if fresh {
            state.seen.push_back(key);
            if state.seen.len() > REMEMBERED {
                state.seen.pop_front();
            }
            state.changed.insert(infra.clone());
            self.arrived.notify_one();
        }
        fresh
    }

    /// Waits until a new one has been taken.
    pub(crate) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// The infras to ask anew.
    pub(crate) fn take_changed(&self) -> BTreeSet<InfraId> {
        std::mem::take(&mut self.lock().changed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_that_comes_twice_is_followed_once() {
        let notices = Notices::default();
        let infra: InfraId = "acme".parse().unwrap();
        let notice = VendorNotice::new("crashed 1");
        assert!(notices.take(&infra, &notice));
        assert!(!notices.take(&infra, &notice));
        assert_eq!(notices.take_changed().len(), 1);
        assert_eq!(notices.take_changed().len(), 0);
        for number in 0..REMEMBERED {
            assert!(notices.take(&infra, &VendorNotice::new(number.to_string())));
        }
        assert!(
            notices.take(&infra, &notice),
            "it was forgotten, and costs a look"
        );
    }
}
