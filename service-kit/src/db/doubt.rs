//! Marks sessions of this process as doubtful after a failover.
//!
//! After a failover the sessions of a pool may still lead to the old primary. The first statement that fails for that
//! reason marks all older sessions as doubtful, and the pools of this process replace them. A new session is cheap, and
//! one to the wrong server fails every write.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

static BEGAN: Mutex<Option<Instant>> = Mutex::new(None);

/// Marks every existing session as doubtful.
pub(crate) fn begin() {
    *BEGAN.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
}

/// Whether a session of this age is doubtful.
pub(super) fn began_after(age: Duration) -> bool {
    let began = *BEGAN.lock().unwrap_or_else(PoisonError::into_inner);
    began.is_some_and(|began| began.elapsed() <= age)
}
