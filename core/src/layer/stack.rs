use std::future::Future;
use std::sync::Arc;

use metrics::{Gauge, counter, gauge, histogram};
use tokio::time::Instant;
use tracing::error;

use super::LayerSettings;
use super::guard::guard;
use super::limit::Limit;
use super::observe::observe;
use super::operation::Operation;
use super::retry::retry;
use super::serial::Serial;
use super::stats::CallStats;
use super::timeout::timeout;
use crate::panic::caught_now;
use crate::{Context, ProviderError};

/// All layers around one provider. For their order see the module's documentation.
#[derive(Debug)]
pub(super) struct Stack {
    provider: String,
    settings: LayerSettings,
    serial: Serial,
    limit: Limit,
    stats: Arc<CallStats>,
}

impl Stack {
    pub(super) fn new(
        provider: impl ToString,
        settings: LayerSettings,
        stats: Arc<CallStats>,
    ) -> Self {
        let provider = provider.to_string();
        publish_limits(&provider, &settings);
        Self {
            stats,
            provider,
            limit: Limit::new(&settings),
            serial: Serial::default(),
            settings,
        }
    }

    /// Runs one operation of the provider; `call` is one attempt at it.
    pub(super) async fn call<T, F>(
        &self,
        operation: Operation<'_>,
        cx: &Context,
        call: impl Fn(Context) -> F,
    ) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        let Self {
            provider,
            settings,
            serial,
            limit,
            stats,
        } = self;
        let (limit_ms, call) = (settings.timeout_ms, &call);
        let attempt = |cx: Context| async move {
            let waiting = Instant::now();
            let _permit = limit.admit(&cx).await?;
            let _in_flight = InFlight::begin(provider, waiting);
            let guarded = |cx| guard(call(cx));
            limit.note(timeout(limit_ms.duration(), &cx, guarded).await)
        };
        observe(provider, operation, stats, async {
            let _turn = serial.turn(operation, cx).await?;
            retry(provider, operation, settings.max_attempts, cx, attempt).await
        })
        .await
    }
}

/// Publishes the limits of a provider as metrics, to be shown next to its calls.
fn publish_limits(provider: &str, settings: &LayerSettings) {
    let label = || provider.to_owned();
    let at_once = f64::from(settings.max_concurrent.get());
    gauge!("agent_pool_provider_concurrency_limit", "provider" => label()).set(at_once);
    if let Some(rate) = settings.rate_per_minute {
        let a_second = f64::from(rate.get()) / 60.0;
        gauge!("agent_pool_provider_rate_limit_per_second", "provider" => label()).set(a_second);
    }
}

/// Counts an attempt as in flight until it is dropped.
struct InFlight(Gauge);

impl InFlight {
    /// `waiting` is when the attempt began to wait for its turn.
    fn begin(provider: &str, waiting: Instant) -> Self {
        let label = || provider.to_owned();
        let waited = waiting.elapsed().as_secs_f64();
        histogram!("agent_pool_provider_limit_wait_seconds", "provider" => label()).record(waited);
        counter!("agent_pool_provider_attempts_total", "provider" => label()).increment(1);
        let in_flight = gauge!("agent_pool_provider_calls_in_flight", "provider" => label());
        in_flight.increment(1);
        Self(in_flight)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

/// The capabilities of a provider; the default if it panics.
pub(super) fn declared<C: Default>(stack: &Stack, capabilities: impl FnOnce() -> C) -> C {
    caught_now(capabilities).unwrap_or_else(|panicked| {
        error!(
            "the capabilities of {} are unknown: the provider {panicked}",
            stack.provider
        );
        C::default()
    })
}

#[cfg(test)]
pub(super) mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use super::super::operation::Nature;
    use super::*;
    use crate::Mark;
    use crate::settings::Environment;

    pub(in crate::layer) fn context() -> Context {
        let mark = Mark::new(&"dev".parse().unwrap());
        Context::new(mark, crate::http::client().unwrap())
    }

    pub(in crate::layer) fn settings() -> LayerSettings {
        LayerSettings::read("acme", &Environment::default()).unwrap()
    }
    const LIST: Operation<'_> = Operation::read("list");

    #[tokio::test(start_paused = true)]
    async fn the_timeout_bounds_each_attempt_and_the_error_names_all() {
        let instance = "abcdefghijkl".parse().unwrap();
        let operation = Operation::new("provision", Some(&instance), Nature::Repeatable);
        let stack = Stack::new("acme", settings(), Arc::default());
        let started = Instant::now();
        let hang = |_| std::future::pending::<Result<(), ProviderError>>();
        let error = stack.call(operation, &context(), hang).await.unwrap_err();
        assert!(started.elapsed() >= Duration::from_secs(4 * 180));
        let text = error.to_string();
        assert!(
            text.starts_with("acme provision for instance abcdefghijkl: unavailable"),
            "{text}"
        );
        assert!(text.ends_with("(after 4 attempts)"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn no_permit_is_held_while_backing_off() {
        let mut settings = settings();
        settings.max_concurrent = NonZeroU32::MIN;
        let stack = Stack::new("acme", settings, Arc::default());
        let cx = context();
        let patient = stack.call(LIST, &cx, |_| async {
            let error = ProviderError::new(crate::ErrorKind::RateLimited, "slow down");
            Err::<(), _>(error.with_retry_after(Duration::from_secs(30)))
        });
        let other = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            let soon = context().within(Duration::from_secs(1));
            stack.call(LIST, &soon, |_| async { Ok(()) }).await
        };
        assert!(tokio::join!(patient, other).1.is_ok());
    }

    #[test]
    fn each_call_is_counted_once_by_its_outcome() {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        metrics::with_local_recorder(&recorder, || {
            let stack = Stack::new("acme", settings(), Arc::default());
            let cx = context();
            let refused = || ProviderError::new(crate::ErrorKind::Invalid, "no");
            let fail = stack.call(LIST, &cx, |_| async { Err::<(), _>(refused()) });
            runtime.block_on(fail).unwrap_err();
        });
        let mut counted =
            snapshotter
                .snapshot()
                .into_vec()
                .into_iter()
                .map(|(key, _, _, value)| {
                    let labels = key.key().labels().map(|label| label.value().to_owned());
                    (
                        key.key().name().to_owned(),
                        labels.collect::<Vec<_>>(),
                        value,
                    )
                });
        let calls = counted
            .find(|(name, ..)| name == "agent_pool_provider_calls_total")
            .unwrap();
        assert_eq!(calls.1, ["acme", "list", "invalid"]);
        assert!(matches!(calls.2, DebugValue::Counter(1)), "{:?}", calls.2);
    }
}
