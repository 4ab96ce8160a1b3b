//! The trace id in every line of the log.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::otlp::current_trace_id;

/// A line of text, after its trace id.
pub(super) struct TracedText<F>(pub(super) F);

/// A line of JSON with the member `trace_id`.
pub(super) struct TracedJson<F>(pub(super) F);

impl<S, N, F> FormatEvent<S, N> for TracedText<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if let Some(trace) = current_trace_id() {
            write!(line, "{trace} ")?;
        }
        self.0.format_event(context, line, event)
    }
}

impl<S, N, F> FormatEvent<S, N> for TracedJson<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut json = String::new();
        self.0
            .format_event(context, Writer::new(&mut json), event)?;
        match (current_trace_id(), json.strip_prefix('{')) {
            (Some(trace), Some(members)) => write!(line, "{{\"trace_id\":\"{trace}\",{members}"),
            _ => line.write_str(&json),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
    use serde_json::Value;
    use tracing::{info, info_span};
    use tracing_subscriber::fmt::format::{JsonFields, format};
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::{Registry, fmt};

    use super::super::otlp::continue_trace;
    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_within_a_request_has_the_trace_that_the_request_came_with() {
        let lines = Lines::default();
        let writer = lines.clone();
        let json = fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(TracedJson(format().json().flatten_event(true)))
            .with_writer(move || writer.clone());
        // As in a service that exports nothing.
        let provider = SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOff);
        let spans = tracing_opentelemetry::layer().with_tracer(provider.build().tracer("test"));
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let header = format!("00-{trace}-b7ad6b7169203331-01");
        tracing::subscriber::with_default(Registry::default().with(spans).with(json), || {
            info!("outside");
            let span = info_span!("http.request");
            let headers = [("traceparent".parse().unwrap(), header.parse().unwrap())];
            continue_trace(&span, &headers.into_iter().collect());
            span.in_scope(|| info!("inside"));
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines[0]["trace_id"], Value::Null, "{text}");
        assert_eq!(lines[1]["trace_id"], trace, "{text}");
        assert_eq!(lines[1]["message"], "inside");
    }
}
