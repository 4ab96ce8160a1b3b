//! Locking without a panic of one request poisoning all others.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks; what a panicked holder left behind is used as it is (every state here is plain data).
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
