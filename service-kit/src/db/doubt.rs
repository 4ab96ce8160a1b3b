//! When the sessions of this process came into doubt.
//!
//! After a failover the sessions of a pool may still lead to the server that was the primary. The first
//! statement that fails for such a reason brings all sessions into doubt that are older: the pools of this
//! process replace them. A session is cheap, and a wrong one fails every write.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

static BEGAN: Mutex<Option<Instant>> = Mutex::new(None);

/// Brings every session into doubt that exists now.
pub(crate) fn begin() {
    *BEGAN.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
}

/// Whether doubt began after a session of this age was made.
pub(super) fn began_after(age: Duration) -> bool {
    let began = *BEGAN.lock().unwrap_or_else(PoisonError::into_inner);
    began.is_some_and(|began| began.elapsed() <= age)
}
