//! Locks that a panic does not poison for other requests.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex. If a holder panicked, its state is used as it is: every state here is plain data.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
