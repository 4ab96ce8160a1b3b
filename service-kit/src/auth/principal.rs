//! The principal of a request.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use tokio::task_local;
use tracing::Span;

task_local! {
    /// The principal of the request that the current task handles, once its key is verified.
    static REQUEST: Arc<OnceLock<Principal>>;
}

/// The principal of a request: the name of the key that was presented, and the address that the request came from.
///
/// It is task-local, so that code that records a change can say who made it without passing it through every function
/// in between. Tasks of the [`Supervisor`](crate::supervisor::Supervisor) inherit it from the request that spawns them.
/// A service's own work has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The name of the key, or `api` if it has none.
    pub name: String,
    /// The address, as far as it is known.
    pub source: Option<IpAddr>,
}

impl Principal {
    /// The principal of the current task.
    #[must_use]
    pub fn current() -> Option<Self> {
        let current = REQUEST.try_with(|principal| principal.get().cloned());
        current.ok().flatten()
    }

    /// Sets this principal for the current request, also in its log lines.
    pub fn enter(&self) {
        let noted = REQUEST.try_with(|principal| principal.set(self.clone()).is_ok());
        if noted.is_ok() {
            Span::current().record("principal", &*self.name);
        }
    }

    /// Wraps `work` so that it runs on behalf of the principal of the current task.
    pub fn inherit<F: Future>(work: F) -> impl Future<Output = F::Output> {
        let request = REQUEST.try_with(Arc::clone).ok();
        async move {
            match request {
                Some(request) => REQUEST.scope(request, work).await,
                None => work.await,
            }
        }
    }
}

/// Handles a request whose principal is not known yet.
pub(crate) async fn for_request<F: Future>(answer: F) -> F::Output {
    REQUEST.scope(Arc::default(), answer).await
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            Some(source) => write!(f, "{} from {source}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_and_what_it_spawns_know_the_principal() {
        let ann = Principal {
            name: "ann".to_owned(),
            source: Some("10.0.0.7".parse().unwrap()),
        };
        assert_eq!(ann.to_string(), "ann from 10.0.0.7");
        let entered = ann.clone();
        let seen = for_request(async move {
            assert_eq!(Principal::current(), None, "not before its key is verified");
            entered.enter();
            let spawned = tokio::spawn(async { Principal::current() });
            let inheriting = tokio::spawn(Principal::inherit(async { Principal::current() }));
            (spawned.await.unwrap(), inheriting.await.unwrap())
        });
        assert_eq!(seen.await, (None, Some(ann.clone())));
        ann.enter();
        assert_eq!(Principal::current(), None, "there is no request");
        let inherited = Principal::inherit(async { Principal::current() });
        assert_eq!(inherited.await, None);
    }
}
