//! Lists of infras, at most a few seconds old, shared by concurrent requests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agent_pool_core::{InfraId, ListedInstance, ProviderError};
use tokio::time::Instant;

use super::infra::Infra;

/// A list as the infra answered it.
type List = Arc<Vec<ListedInstance>>;

/// The last list of each infra.
#[derive(Debug, Clone, Default)]
pub(crate) struct RecentLists(Arc<Mutex<HashMap<InfraId, Arc<Slot>>>>);

/// Locked during the request to the infra, so that concurrent callers share its answer.
type Slot = tokio::sync::Mutex<Option<Recent>>;

#[derive(Debug)]
struct Recent {
    begun: Instant,
    ended: Instant,
    list: List,
}

impl RecentLists {
    /// The list of an infra, `max_age` old at most. One that was asked for before this call is used only if it
    /// `suffices`: what it lacks may have been made since.
    pub(crate) async fn get(
        &self,
        infra: &Infra,
        max_age: Duration,
        suffices: impl Fn(&[ListedInstance]) -> bool,
    ) -> Result<List, ProviderError> {
        let asked = Instant::now();
        let slot = self.slot(infra.id());
        let mut recent = slot.lock().await;
        if let Some(recent) = &*recent {
            let fresh = recent.begun >= asked;
            let young = recent.ended.elapsed() < max_age;
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

    /// Has the next request ask the infra anew.
    pub(crate) async fn forget(&self, infra: &InfraId) {
        *self.slot(infra).lock().await = None;
    }

    fn slot(&self, infra: &InfraId) -> Arc<Slot> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(infra.clone()).or_default())
    }
}
