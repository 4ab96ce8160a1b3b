//! One connection: checks and observes each request, answers a panic with 500, and sets the media type of problems.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use hyper::Request;
use hyper::body::{Body, Incoming};
use hyper::header::{CACHE_CONTROL, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tracing::{Instrument, debug, error};
use warp::Filter;
use warp::reply::Response;

use super::Templates;
use super::busy::Busy;
use super::observe::Observation;
use super::open::{Connection, Open};
use super::stream::PatientStream;
use crate::auth::{Guesses, Source, TrustedProxies, for_request};
use crate::problem::{negotiate, prefers_problem_json, response};
use crate::supervisor::catch_panic;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Maximum size of a request header, including the request line.
const LARGEST_HEADER: usize = 64 * 1024;

/// The routes of a server, and the state that its connections share.
#[derive(Clone)]
pub(super) struct Routes<F> {
    pub(super) filter: F,
    pub(super) templates: Templates,
    pub(super) trusted_proxies: TrustedProxies,
    pub(super) guesses: Arc<Guesses>,
}

impl<F> Routes<F>
where
    F: Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static,
    F::Future: Send,
{
    pub(super) async fn serve(self, stream: TcpStream, peer: IpAddr, open: Open, watcher: Watcher) {
        let state = Arc::clone(&open.connection);
        let patient = PatientStream::new(stream, Arc::clone(&state));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // The stream has its own deadlines: hyper's would end idle connections too.
            .header_read_timeout(None)
            .max_buf_size(LARGEST_HEADER)
            .serve_connection(
                TokioIo::new(patient),
                service_fn(|request| self.clone().answer(request, peer, Arc::clone(&state))),
            );
        let outcome = tokio::select! {
            outcome = watcher.watch(connection) => outcome,
            () = open.connection.evicted() => {
                debug!("connection closed to make room for another");
                return;
            }
        };
        if let Err(error) = outcome {
            debug!(
                error.chain = agent_pool_core::chain(&error),
                "connection ended early"
            );
        }
    }

    async fn answer(
        self,
        request: Request<Incoming>,
        peer: IpAddr,
        connection: Arc<Connection>,
    ) -> Result<
        hyper::Response<impl Body<Data: Send, Error: Into<BoxError>> + Send + 'static>,
        Infallible,
    > {
        let busy = Busy::start(connection);
        let route = self.templates.matching(request.uri().path());
        let source = self.trusted_proxies.source(peer, request.headers());
        let observation = Observation::start(request.method(), route, source.0, request.headers());
        let problem_json = prefers_problem_json(request.headers());
        let handled =
            for_request(self.handle(request, route, source)).instrument(observation.span().clone());
        let answer = handled.await;
        observation.finish(answer.status().as_u16());
        Ok(busy.until_sent(protect(negotiate(answer, problem_json))))
    }

    async fn handle(
        self,
        mut request: Request<Incoming>,
        route: &'static str,
        source: Source,
    ) -> Response {
        if !is_origin_form(request.uri()) {
            let detail = "the request target must be a path, such as /healthz";
            return response(&Problem::new(ProblemCode::BadRequest, detail));
        }
        request.extensions_mut().insert(source);
        request.extensions_mut().insert(self.guesses);
        let service = TowerToHyperService::new(warp::service(self.filter));
        // Boxed: the future of all routes is large.
        let call = catch_panic(async move { Box::pin(service.call(request)).await });
        match call.await {
            Ok(Ok(answer)) => answer,
            Err(panic) => {
                error!("the handler of {route} {panic}");
                let detail = "the service failed unexpectedly; see its log for the cause";
                response(&Problem::new(ProblemCode::InternalError, detail))
            }
        }
    }
}

/// `CONNECT host:1` has no path, which warp does not expect; `GET http://host/` is for proxies.
fn is_origin_form(target: &hyper::Uri) -> bool {
    target.scheme().is_none() && target.authority().is_none() && target.path().starts_with('/')
}

/// Responses contain data: they must not be cached, and browsers must not guess their type.
fn protect(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_is_a_target() {
        for (target, origin) in [
            ("/healthz?x=1", true),
            ("/", true),
            ("a:1", false),
            ("*", false),
            ("http://host/healthz", false),
        ] {
            let target: hyper::Uri = target.parse().unwrap();
            assert_eq!(is_origin_form(&target), origin, "{target}");
        }
    }
}
