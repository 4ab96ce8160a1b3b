//! Logs, on stderr.

use std::io::{self, IsTerminal};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// What is logged, and how.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct LogSettings {
    /// What to log: a level, or directives such as `info,pool_svc=debug`. Default: `RUST_LOG`, or
    /// else `info`.
    pub log: Option<String>,
    /// The same, where LOG is not set.
    pub rust_log: Option<String>,
    /// The form of the log: `text` or `json`. Default: `text` on a terminal, else `json`.
    pub log_format: Option<LogFormat>,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// An object a line.
    Json,
}

/// Why logging did not begin.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The directives cannot be understood.
    #[error("LOG is {directives:?}")]
    Directives {
        /// What was given.
        directives: String,
        /// What is wrong with it.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// The process logs elsewhere already.
    #[error("logging has begun already")]
    Installed(#[source] TryInitError),
}

/// Begins to log on stderr. For `main` alone.
///
/// # Errors
/// The directives are wrong, or logging has begun already.
pub fn init(settings: &LogSettings) -> Result<(), TraceError> {
    let builder = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_env_filter(filter(settings)?);
    let terminal = io::stderr().is_terminal();
    match settings.log_format {
        Some(LogFormat::Text) => discreet(builder.with_ansi(terminal).finish()).try_init(),
        None if terminal => discreet(builder.finish()).try_init(),
        Some(LogFormat::Json) | None => {
            discreet(builder.json().flatten_event(true).finish()).try_init()
        }
    }
    .map_err(TraceError::Installed)
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

/// Crates whose debug output holds what passes through them: the parameters of statements, among them
/// the secrets of tools, and the headers of requests.
const TELL_SECRETS: [&str; 2] = ["tokio_postgres", "h2"];

/// Leaves out what tells secrets, whatever the directives say.
fn discreet<S>(logged: S) -> impl Subscriber + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    logged.with(filter_fn(|event| !tells_secrets(event)))
}

fn tells_secrets(event: &Metadata<'_>) -> bool {
    let by = event.target().split("::").next();
    *event.level() > Level::INFO && by.is_some_and(|by| TELL_SECRETS.contains(&by))
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
    fn crates_that_tell_secrets_do_not_even_where_they_are_named() {
        for directives in ["trace", "info,tokio_postgres::query=trace,h2=debug,x=trace"] {
            let all = tracing_subscriber::fmt().with_writer(io::sink);
            let logged = all.with_env_filter(directives).finish();
            tracing::subscriber::with_default(discreet(logged), || {
                assert!(!enabled!(target: "tokio_postgres::query", Level::DEBUG));
                assert!(!enabled!(target: "h2", Level::TRACE));
                assert!(enabled!(target: "tokio_postgres::query", Level::INFO));
                assert!(enabled!(target: "x", Level::TRACE));
            });
        }
    }

    #[test]
    fn directives_that_make_no_sense_are_refused() {
        let error = filtered([("LOG", "a=b=c")]).unwrap_err();
        assert_eq!(error.to_string(), "LOG is \"a=b=c\"");
    }

    #[test]
    fn a_format_is_one_of_two_words() {
        let of = |word| {
            settings::read::<LogSettings>("", &Environment::from_iter([("LOG_FORMAT", word)]))
        };
        assert_eq!(of("json").unwrap().log_format, Some(LogFormat::Json));
        assert!(of("xml").unwrap_err().to_string().contains("LOG_FORMAT"));
    }
}
