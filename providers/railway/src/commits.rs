//! Parts of patches that wait for their turn in one environment.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use agent_pool_core::ServiceId;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::handle::Handle;

/// Maximum number of services that one commit changes.
const MAX_SHARED: usize = 16;

/// The part of a patch for one service, until it is committed.
pub(crate) struct Part {
    environment: String,
    pub(crate) service: ServiceId,
    pub(crate) change: Value,
    /// Sent once it is committed. If it is dropped, the part must be committed alone.
    pub(crate) committed: oneshot::Sender<()>,
}

/// The parts that wait, in the order in which they came.
#[derive(Default)]
pub(crate) struct Commits(Mutex<Vec<Part>>);

/// Omits the parts, because they contain secrets.
impl fmt::Debug for Commits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Commits")
    }
}

impl Commits {
    pub(crate) fn add(&self, handle: &Handle, change: Value) -> oneshot::Receiver<()> {
        let (committed, receiver) = oneshot::channel();
        self.lock().push(Part {
            environment: handle.environment.clone(),
            service: handle.service.clone(),
            change,
            committed,
        });
        receiver
    }

    /// Takes the oldest parts for an environment. Those whose callers have ended are dropped.
    pub(crate) fn take(&self, environment: &str) -> Vec<Part> {
        let mut parts = self.lock();
        parts.retain(|part| !part.committed.is_closed());
        let wanted = |part: &mut Part| part.environment == environment;
        parts.extract_if(.., wanted).take(MAX_SHARED).collect()
    }

    /// A panic while it was locked leaves it consistent.
    fn lock(&self) -> MutexGuard<'_, Vec<Part>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use agent_pool_core::InstanceId;

    use super::*;
    use crate::placement::Home;

    fn handle(service: &str, environment: &str) -> Handle {
        let home = Home {
            project: "project-1".to_owned(),
            environment: environment.to_owned(),
        };
        Handle::new(InstanceId::generate(), service.parse().unwrap(), &home)
    }

    #[test]
    fn the_oldest_parts_of_one_environment_whose_callers_wait_are_taken() {
        let commits = Commits::default();
        let add = |service: &str, environment: &str| {
            commits.add(&handle(service, environment), Value::Null)
        };
        let _elsewhere = add("elsewhere", "other");
        drop(add("cancelled", "this"));
        let numbers = 0..=MAX_SHARED;
        let waiting: Vec<_> = numbers.map(|n| add(&format!("s{n}"), "this")).collect();
        let taken = commits.take("this");
        let services = taken.iter().map(|part| part.service.to_string());
        assert!(services.eq((0..MAX_SHARED).map(|n| format!("s{n}"))));
        assert_eq!(commits.take("this").len(), waiting.len() - MAX_SHARED);
        assert_eq!(commits.take("other").len(), 1);
    }
}
