//! Traces: one for each request, over both services, and where they are sent.
//!
//! Every request has a trace, whether it is exported or not: its id is in the log and in problems. A trace begins with
//! the `traceparent` of the request, if there is one, and continues in the services that are called
//! (`agent-pool-client` sends it). With `OTEL_EXPORTER_OTLP_ENDPOINT` the spans are sent there, by OTLP over HTTP.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry::{Context, global};
use opentelemetry_http::{Bytes, HeaderExtractor, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tracing::{Span, info, warn};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use url::Url;
use warp::http::HeaderMap;

/// The provider of this process, once it traces.
static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// How long the collector may take for one batch.
const SENT_WITHIN: Duration = Duration::from_secs(10);

/// Traces the spans of this process, and sends them to `endpoint` if there is one. The error says why they cannot be
/// sent there.
pub(super) fn start(endpoint: Option<&Url>, service: &'static str) -> Result<SdkTracer, String> {
    global::set_text_map_propagator(TraceContextPropagator::new());
    let mut builder = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name(service).build());
    builder = match endpoint {
        // Spans get ids but are not recorded.
        None => builder.with_sampler(Sampler::AlwaysOff),
        Some(endpoint) => builder
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
            .with_batch_exporter(exporter(endpoint)?),
    };
    let provider = builder.build();
    let tracer = provider.tracer(service);
    let _ = PROVIDER.set(provider);
    Ok(tracer)
}

fn exporter(endpoint: &Url) -> Result<SpanExporter, String> {
    let client = agent_pool_core::http::bare_builder()
        .timeout(SENT_WITHIN)
        .build();
    let client = client.map_err(|error| error.to_string())?;
    // As specified by OTLP: the path of the signal is appended to the endpoint.
    let url = format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'));
    SpanExporter::builder()
        .with_http()
        .with_http_client(Sender {
            client,
            runtime: Handle::current(),
            failing: AtomicBool::new(false),
        })
        .with_endpoint(url)
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(SENT_WITHIN)
        .build()
        .map_err(|error| error.to_string())
}

/// Sends the remaining spans, at most for `within`. For the end of the process.
pub async fn finish_export(within: Duration) {
    let Some(provider) = PROVIDER.get() else {
        return;
    };
    // It blocks until its thread has finished.
    let shutdown = tokio::task::spawn_blocking(|| provider.shutdown_with_timeout(SENT_WITHIN));
    let _ = timeout(within, shutdown).await;
}

/// The current trace.
#[must_use]
pub fn current_trace_id() -> Option<String> {
    let context = Context::current();
    let span = context.span().span_context().clone();
    span.is_valid().then(|| span.trace_id().to_string())
}

/// Makes `span` part of the trace in a request's headers, if there is one.
pub(crate) fn continue_trace(span: &Span, headers: &HeaderMap) {
    let context = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
    if context.span().span_context().is_valid() {
        // It fails if this process does not trace, as in tests.
        let _ = span.set_parent(context);
    }
}

/// Sends batches on the runtime of the service, because the exporter's own thread has none.
struct Sender {
    client: reqwest::Client,
    runtime: Handle,
    /// Whether the last batch failed, so that an outage is logged once, not for each batch.
    failing: AtomicBool,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl Sender {
    fn note(&self, problem: Option<&str>) {
        let failing = self.failing.swap(problem.is_some(), Ordering::Relaxed);
        match problem {
            Some(problem) if !failing => warn!("traces are lost: the collector {problem}"),
            None if failing => info!("the collector accepts traces again"),
            Some(_) | None => {}
        }
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (client, request) = (self.client.clone(), reqwest::Request::try_from(request)?);
        let sent = self.runtime.spawn(async move {
            let answer = client.execute(request).await?;
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, answer.bytes().await?))
        });
        match sent.await? {
            Ok((status, body)) => {
                let refused = format!("answered {status}");
                self.note((!status.is_success()).then_some(&refused));
                Ok(Response::builder().status(status).body(body)?)
            }
            Err(error) => {
                self.note(Some(&agent_pool_core::chain(&error)));
                Err(error.into())
            }
        }
    }
}
