//! One trace from a claim, over Pool and Services, to each call of a vendor, as an OpenTelemetry collector receives it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use warp::Filter as _;

use crate::stack::{Traced, eventually, shared};

/// A span, and the service that sent it.
type Sent = (String, Span);

/// The spans that the collector of this test received.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Sent>>>);

impl Collector {
    /// Listens, and returns its address.
    fn start(&self) -> String {
        let this = self.clone();
        let route = warp::path!("v1" / "traces")
            .and(warp::post())
            .and(warp::body::bytes())
            .map(move |body: prost::bytes::Bytes| {
                this.take(ExportTraceServiceRequest::decode(body).unwrap());
                ""
            });
        shared().block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(warp::serve(route).incoming(listener).run());
            format!("http://{address}")
        })
    }

    fn take(&self, request: ExportTraceServiceRequest) {
        for of_service in request.resource_spans {
            let service = text(&of_service.resource.unwrap().attributes, "service.name");
            let spans = of_service.scope_spans.into_iter().flat_map(|it| it.spans);
            let sent = spans.map(|span| (service.clone(), span));
            self.0.lock().unwrap().extend(sent);
        }
    }

    fn spans(&self) -> Vec<Sent> {
        self.0.lock().unwrap().clone()
    }
}

fn text(attributes: &[KeyValue], name: &str) -> String {
    let found = attributes.iter().find(|it| it.key == name);
    let value = found.and_then(|it| it.value.clone()?.value);
    match value {
        Some(any_value::Value::StringValue(text)) => text,
        other => format!("{other:?}"),
    }
}

/// The spans of a claim that are looked at.
struct Trace {
    /// The request that Services got.
    asked: Span,
    /// The service that made it.
    caller: String,
    /// A call of a vendor.
    vendor: Span,
}

/// The trace of a claim, once all of it has come: each service sends its spans as they end, at times of its own.
fn trace_of_a_claim(sent: &[Sent]) -> Option<Trace> {
    let (_, claim) = sent.iter().find(|(service, span)| {
        let route = text(&span.attributes, "route");
        service == "pool-svc" && span.name == "http.request" && route.starts_with("/api/pool/claim")
    })?;
    let of_services = |name: &str| {
        let such = |(service, span): &&Sent| {
            span.trace_id == claim.trace_id && service == "services-svc" && span.name == name
        };
        sent.iter().find(such).map(|(_, span)| span.clone())
    };
    let asked = of_services("http.request")?;
    let (caller, _) = sent
        .iter()
        .find(|(_, span)| span.span_id == asked.parent_span_id)?;
    Some(Trace {
        caller: caller.clone(),
        vendor: of_services("provider.call")?,
        asked,
    })
}

#[test]
fn a_claim_is_one_trace_from_pool_over_services_to_the_vendor() {
    let collector = Collector::default();
    let system = Traced::start(&collector.start());
    system.pool.run(&["claim", "trip-planner"]).done();
    let trace = eventually(|| {
        let sent = collector.spans();
        trace_of_a_claim(&sent).ok_or(sent.len())
    });

    assert_eq!(
        text(&trace.asked.attributes, "route"),
        "/configure/:instanceId"
    );
    assert_eq!(
        trace.caller, "pool-svc",
        "Services continues the trace of Pool"
    );
    assert_eq!(text(&trace.vendor.attributes, "provider"), "railway");
}

#[test]
fn a_problem_names_the_trace_that_its_request_came_with() {
    let collector = Collector::default();
    let system = Traced::start(&collector.start());
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let address = system
        .pool
        .url()
        .trim_start_matches("http://")
        .trim_end_matches('/');
    let mut connection = TcpStream::connect(address).unwrap();
    write!(
        connection,
        "GET /api/pool/templates/none HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         traceparent: 00-{trace}-b7ad6b7169203331-01\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(
        answer.contains(&format!("\"traceId\":\"{trace}\"")),
        "{answer}"
    );
}
