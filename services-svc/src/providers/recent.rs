//! Lists of infras, at most a few seconds old, shared by concurrent requests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agent_pool_core::{InfraId, ListedInstance, ProviderError};
use tokio::time::Instant;

use super::infra::Infra;

/// Maximum age of a list that is used again.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MaxAge {
    /// Measured from its answer.
    pub(crate) answered: Duration,
    /// Measured from its request: earlier changes are in the list.
    pub(crate) asked: Duration,
}

/// A list as returned by the infra.
type List = Arc<Vec<ListedInstance>>;

/// The last list of each infra.
#[derive(Debug, Clone, Default)]
pub(crate) struct RecentLists(Arc<Mutex<HashMap<InfraId, Arc<Slot>>>>);

/// Locked during the call of the infra, so that concurrent callers share its answer.
type Slot = tokio::sync::Mutex<Option<Recent>>;

#[derive(Debug)]
struct Recent {
    begun: Instant,
    ended: Instant,
    list: List,
}

impl RecentLists {
    /// The list of an infra, if it is not too old by at least one of the ages. A list that was requested before this
    /// call is used only if it `suffices`: what it lacks may have been created since.
    pub(crate) async fn get(
        &self,
        infra: &Infra,
        max_age: MaxAge,
        suffices: impl Fn(&[ListedInstance]) -> bool,
    ) -> Result<List, ProviderError> {
        let asked = Instant::now();
        let slot = self.slot(infra.id());
        let mut recent = slot.lock().await;
        if let Some(recent) = &*recent {
            let fresh = recent.begun >= asked;
            let young =
                recent.ended.elapsed() < max_age.answered || recent.begun.elapsed() < max_age.asked;
            if fresh || (young && suffices(&recent.list)) {
                return Ok(Arc::clone(&recent.list));
            }
        }
        let begun = Instant::now();
        let list = Arc::new(infra.list().await?);
        *recent = Some(Recent {
            begun,
            ended: Instant::now(),
            list: Arc::clone(&list),
        });
        Ok(list)
    }

    /// Makes the next request list the infra again.
    pub(crate) async fn forget(&self, infra: &InfraId) {
        *self.slot(infra).lock().await = None;
    }

    fn slot(&self, infra: &InfraId) -> Arc<Slot> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(infra.clone()).or_default())
    }
}
