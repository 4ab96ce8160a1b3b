//! Names, traces and counts every call. Place in the order: outermost.
//!
//! An error that leaves this layer names the provider, the operation and the instance, so that no provider has to.
//! Each call is one span `provider.call`. Its outcome is one debug event in the span, because the code that handles
//! an error logs it. It is also counted in [`CallStats`], and in `agent_pool_provider_calls_total` and
//! `agent_pool_provider_calls_seconds` by provider, operation and outcome.

use std::future::Future;

use tokio::time::Instant;
use tracing::{Instrument, debug, info_span};

use super::operation::Operation;
use super::stats::CallStats;
use crate::ProviderError;

pub(super) async fn observe<T>(
    provider: &str,
    operation: Operation<'_>,
    stats: &CallStats,
    call: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    let Operation { name, instance, .. } = operation;
    let span = info_span!(
        "provider.call",
        provider,
        operation = name,
        instance.id = instance.map(tracing::field::display)
    );
    async {
        let started = Instant::now();
        let result = call
            .await
            .map_err(|error| error.at(provider.to_owned(), name, instance));
        let outcome = result
            .as_ref()
            .map_or_else(|error| error.kind().as_str(), |_| "ok");
        let elapsed = started.elapsed();
        stats.record(&result, elapsed);
        count(provider, name, outcome, elapsed.as_secs_f64());
        debug!(
            elapsed_ms = elapsed.as_millis(),
            outcome, "{provider} {name} ended: {outcome}"
        );
        result
    }
    .instrument(span)
    .await
}

fn count(provider: &str, operation: &'static str, outcome: &'static str, seconds: f64) {
    let labels = [
        ("provider", provider.to_owned()),
        ("operation", operation.to_owned()),
        ("outcome", outcome.to_owned()),
    ];
    metrics::counter!("agent_pool_provider_calls_total", &labels).increment(1);
    metrics::histogram!("agent_pool_provider_calls_seconds", &labels).record(seconds);
}
