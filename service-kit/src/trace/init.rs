//! Starts logging.

use std::io::{self, IsTerminal};
use std::sync::OnceLock;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::{Level, Metadata, Subscriber};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::format::{DefaultFields, Format, JsonFields, format};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, Registry};
use url::Url;

use super::line::{TracedJson, TracedText};
use super::otlp;
use super::queue::LogQueue;

/// The settings of logs and traces.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct LogSettings {
    /// What to log: a level, or directives such as `info,pool_svc=debug`. Default: `RUST_LOG`, or
    /// `info` without it.
    pub log: Option<String>,
    /// Like LOG; used if LOG is not set.
    pub rust_log: Option<String>,
    /// The format of the log: `text` or `json`. Default: `text` on a terminal, else `json`.
    pub log_format: Option<LogFormat>,
    /// The OpenTelemetry collector to send traces to, by OTLP over HTTP, such as `http://collector:4318`. Not set:
    /// traces are not sent; their ids are still in the log and in problems.
    pub otel_exporter_otlp_endpoint: Option<Url>,
}

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Why logging did not start.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The directives cannot be parsed.
    #[error("LOG is {directives:?}: expected a level, or directives such as info,pool_svc=debug")]
    Directives {
        /// The value.
        directives: String,
        /// The problem.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// The endpoint for traces is invalid.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT: traces cannot be sent there: {reason}")]
    Export {
        /// What is wrong.
        reason: String,
    },
    /// The thread that writes the log cannot be started.
    #[error("cannot start the thread that writes the log")]
    Thread(#[source] io::Error),
    /// The process has another logger already.
    #[error("logging has started already")]
    Installed(#[source] TryInitError),
}

/// The queue of this process, once it logs.
static QUEUE: OnceLock<LogQueue> = OnceLock::new();

/// Starts logging on stderr, and tracing under the name of the service. Only for `main`, on its runtime.
///
/// # Errors
/// The directives are invalid, logging has started already, its thread cannot be started, or the address of the
/// collector is invalid.
pub fn init(settings: &LogSettings, service: &'static str) -> Result<(), TraceError> {
    let filter = filter(settings)?;
    let queue = LogQueue::start(io::stderr()).map_err(TraceError::Thread)?;
    let tracer = otlp::start(settings.otel_exporter_otlp_endpoint.as_ref(), service)
        .map_err(|reason| TraceError::Export { reason })?;
    let terminal = io::stderr().is_terminal();
    let lines = fmt::layer()
        .with_writer(QUEUE.get_or_init(|| queue).clone())
        // By default a failed write is printed on stderr, which panics when stderr is closed.
        .log_internal_errors(false);
    let lines = match settings.log_format {
        Some(LogFormat::Text) => text(lines.with_ansi(terminal)),
        None if terminal => text(lines.with_ansi(true)),
        Some(LogFormat::Json) | None => json(lines),
    };
    // Each has its own filter, so that spans below the log level are still traced.
    let spans = OpenTelemetryLayer::new(tracer).with_filter(LevelFilter::INFO);
    let logged = Registry::default()
        .with(spans)
        .with(lines.with_filter(filter));
    redacting(logged).try_init().map_err(TraceError::Installed)
}

type Lines<S> = fmt::Layer<S, DefaultFields, Format, LogQueue>;

fn text<S>(lines: Lines<S>) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    lines.event_format(TracedText(format())).boxed()
}

fn json<S>(lines: Lines<S>) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let json = TracedJson(format().json().flatten_event(true));
    lines
        .fmt_fields(JsonFields::new())
        .event_format(json)
        .boxed()
}

/// Waits until all log lines are written, at most for `within`. For the end of the process.
pub fn flush(within: Duration) {
    if let Some(queue) = QUEUE.get() {
        queue.flush(within);
    }
}

fn filter(settings: &LogSettings) -> Result<EnvFilter, TraceError> {
    let directives = settings
        .log
        .as_deref()
        .or(settings.rust_log.as_deref())
        .unwrap_or("info");
    let refused = |source| TraceError::Directives {
        directives: directives.to_owned(),
        source,
    };
    EnvFilter::try_new(directives).map_err(refused)
}

/// Crates whose debug output contains the data that passes through them: statement parameters, which include secrets of
/// tools, and request headers.
const LEAKY_CRATES: [&str; 2] = ["tokio_postgres", "h2"];

/// Suppresses output that would leak secrets, whatever the directives say.
fn redacting<S>(logged: S) -> impl Subscriber + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    logged.with(filter_fn(|event| !leaks_secrets(event)))
}

fn leaks_secrets(event: &Metadata<'_>) -> bool {
    let crate_name = event.target().split("::").next();
    *event.level() > Level::INFO && crate_name.is_some_and(|name| LEAKY_CRATES.contains(&name))
}

#[cfg(test)]
mod tests {
    use agent_pool_core::settings::{self, Environment};
    use tracing::enabled;

    use super::*;

    fn filtered<const N: usize>(pairs: [(&str, &str); N]) -> Result<String, TraceError> {
        let settings = settings::read("", &Environment::from_iter(pairs)).unwrap();
        filter(&settings).map(|filter| filter.to_string())
    }

    #[test]
    fn log_wins_over_rust_log_and_the_default_is_info() {
        assert_eq!(filtered([]).unwrap(), "info");
        assert_eq!(filtered([("RUST_LOG", "warn")]).unwrap(), "warn");
        let both = [("LOG", "debug"), ("RUST_LOG", "warn")];
        assert_eq!(filtered(both).unwrap(), "debug");
    }

    #[test]
    fn crates_that_leak_secrets_are_silent_even_if_a_directive_names_them() {
        for directives in ["trace", "info,tokio_postgres::query=trace,h2=debug,x=trace"] {
            let all = tracing_subscriber::fmt().with_writer(io::sink);
            let logged = all.with_env_filter(directives).finish();
            tracing::subscriber::with_default(redacting(logged), || {
                assert!(!enabled!(target: "tokio_postgres::query", Level::DEBUG));
                assert!(!enabled!(target: "h2", Level::TRACE));
                assert!(enabled!(target: "tokio_postgres::query", Level::INFO));
                assert!(enabled!(target: "x", Level::TRACE));
            });
        }
    }

    #[test]
    fn malformed_directives_are_refused() {
        let error = filtered([("LOG", "a=b=c")]).unwrap_err();
        assert!(error.to_string().starts_with("LOG is \"a=b=c\""), "{error}");
    }

    #[test]
    fn a_format_is_text_or_json() {
        let of = |word| {
            settings::read::<LogSettings>("", &Environment::from_iter([("LOG_FORMAT", word)]))
        };
        assert_eq!(of("json").unwrap().log_format, Some(LogFormat::Json));
        assert!(of("xml").unwrap_err().to_string().contains("LOG_FORMAT"));
    }
}
