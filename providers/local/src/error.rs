//! Converts errors of the machine to [`ProviderError`].

use std::io;

use agent_pool_core::{ErrorKind, ProviderError};

/// The machine failed at `what`: a disk, a permission, a limit.
pub(crate) fn machine(what: &'static str) -> impl FnOnce(io::Error) -> ProviderError {
    move |error| {
        let message = format!("{what}: {error}");
        ProviderError::new(ErrorKind::Unavailable, message).with_source(error)
    }
}

pub(crate) fn unknown() -> ProviderError {
    ProviderError::new(ErrorKind::NotFound, "this machine has no such instance")
}

/// Runs blocking disk access on a thread for blocking work. Once started, it runs to its end even if the caller is
/// cancelled.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ProviderError> + Send + 'static,
) -> Result<T, ProviderError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| {
        ProviderError::new(ErrorKind::Unavailable, "a thread ended early").with_source(error)
    })?
}
