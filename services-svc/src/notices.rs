//! Webhooks of vendors. One is a hint that something changed: the vendor is asked anew, and Pool looks at once. What
//! becomes of an instance follows from that look alone, so a forged or an old notice costs one look.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agent_pool_core::{InfraId, VendorNotice, chain};
use agent_pool_service_kit::shutdown::Shutdown;
use metrics::counter;
use tokio::sync::Notify;
use tokio::time::sleep;
use tracing::warn;

use crate::app::App;

/// Notices that are remembered, to recognise one that comes twice. One that is forgotten costs a look.
const REMEMBERED: usize = 1_000;
/// Between two looks: a new version of an image changes every deployment.
const PAUSE: Duration = Duration::from_secs(1);

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

    fn take_changed(&self) -> BTreeSet<InfraId> {
        std::mem::take(&mut self.lock().changed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows notices until shutdown.
pub(crate) async fn follow_notices(app: App, shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = app.notices().arrived.notified() => {}
            () = shutdown.wait() => return,
        }
        for infra in app.notices().take_changed() {
            app.providers().lists().forget(&infra).await;
        }
        if let Some(pool) = app.pool()
            && let Err(error) = pool.reconcile().await
        {
            warn!(
                error.chain = chain(&error),
                "a vendor reported a change, and Pool notices it at its next tick: {error}"
            );
        }
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_that_comes_twice_is_followed_once() {
        let notices = Notices::default();
        let infra: InfraId = "railway".parse().unwrap();
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
