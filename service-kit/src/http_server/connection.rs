//! One connection: each request observed, a panic answered, a problem's type named as asked.

use std::convert::Infallible;
use std::time::Duration;

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use hyper::Request;
use hyper::body::Incoming;
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
use super::observe::Observation;
use crate::problem::{negotiate, prefers_problem_json, response};
use crate::supervisor::catch_panic;

/// How long a connection may stay silent. Longer than the 90 s after which common clients drop theirs,
/// so that no request meets a connection that is being closed.
const SILENCE: Duration = Duration::from_secs(120);

/// The routes with what their requests are labelled by.
#[derive(Clone)]
pub(super) struct Routes<F> {
    pub(super) filter: F,
    pub(super) templates: Templates,
}

impl<F> Routes<F>
where
    F: Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static,
    F::Future: Send,
{
    pub(super) async fn serve(self, stream: TcpStream, watcher: Watcher) {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(SILENCE)
            .serve_connection(
                TokioIo::new(stream),
                service_fn(move |request| self.clone().answer(request)),
            );
        if let Err(error) = watcher.watch(connection).await {
            debug!(
                error.chain = agent_pool_core::chain(&error),
                "connection ended early"
            );
        }
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response, Infallible> {
        let route = self.templates.of(request.uri().path());
        let observation = Observation::start(request.method(), route);
        let problem_json = prefers_problem_json(request.headers());
        let service = TowerToHyperService::new(warp::service(self.filter));
        // Boxed: the future of all routes is large.
        let call = catch_panic(async move { Box::pin(service.call(request)).await })
            .instrument(observation.span().clone());
        let answer = call.await.unwrap_or_else(|panic| {
            error!("the handler of {route} {panic}");
            let detail = "the service failed unexpectedly; its log has the cause";
            Ok(response(&Problem::new(ProblemCode::InternalError, detail)))
        })?;
        observation.finish(answer.status().as_u16());
        Ok(negotiate(answer, problem_json))
    }
}
