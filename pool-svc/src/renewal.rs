//! A lease of one task, renewed while it works.

use std::convert::Infallible;
use std::time::Duration;

use agent_pool_core::chain;
use agent_pool_service_kit::db::DbError;
use tokio::time::sleep;
use tracing::warn;

/// Three renewals within a lease, so that one may fail.
pub(crate) fn period(lease: Duration) -> Duration {
    lease / 3
}

/// Renews a lease until the returned future is dropped. The log calls it `what`.
// `renew` is not an `AsyncFn`, because its futures could not be required to be `Send`.
pub(crate) async fn keep_renewing<F>(
    what: &str,
    lease: Duration,
    renew: impl Fn() -> F,
) -> Infallible
where
    F: Future<Output = Result<(), DbError>>,
{
    loop {
        sleep(period(lease)).await;
        if let Err(error) = renew().await {
            let error = chain(&error);
            warn!("failed to renew {what}: {error}");
        }
    }
}
