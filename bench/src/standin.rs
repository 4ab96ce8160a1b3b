//! Stand-ins for Services and for every runtime, in this process: as fast as possible, or with a given delay.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::sleep;
use url::Url;
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::hyper::body::Bytes;
use warp::path;
use warp::reply::{Reply as _, Response};

/// How long the stand-ins take to answer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Delays {
    pub(crate) create: Duration,
    pub(crate) configure: Duration,
    pub(crate) provision: Duration,
}

/// A running stand-in. It ends with its tokio runtime.
#[derive(Debug)]
pub(crate) struct StandIn {
    pub(crate) url: Url,
}

impl StandIn {
    /// Serves both APIs. The status batch has `instances` entries, all healthy.
    pub(crate) async fn start(instances: u32, delays: Delays) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = Url::parse(&format!("http://{}/", listener.local_addr()?))?;
        let routes = routes(url.clone(), batch(instances, &url), delays);
        tokio::spawn(warp::serve(routes).incoming(listener).run());
        Ok(Self { url })
    }
}

/// The answer for ids as [`crate::database::Database::fill`] writes them.
fn batch(instances: u32, url: &Url) -> Bytes {
    let entry = |n: u32| {
        let id = format!("i{n:011}");
        let status =
            json!({ "status": "SUCCESS", "healthy": true, "url": format!("{url}runtime/{id}") });
        (id, status)
    };
    let entries: serde_json::Map<String, Value> = (1..=instances).map(entry).collect();
    Bytes::from(Value::from(entries).to_string())
}

fn routes(url: Url, batch: Bytes, delays: Delays) -> BoxedFilter<(Response,)> {
    let url = Arc::new(url);
    let create = path!("create-instance")
        .and(warp::body::json())
        .then(move |request: Value| {
            let url = Arc::clone(&url);
            async move {
                wait(delays.create).await;
                let id = request["instanceId"].as_str().unwrap_or_default();
                answer(&json!({
                    "instanceId": id, "serviceId": id, "url": format!("{url}runtime/{id}"), "services": {},
                }))
            }
        });
    let configure = path!("configure" / String).then(move |id: String| async move {
        wait(delays.configure).await;
        answer(&json!({ "instanceId": id, "ok": true }))
    });
    let destroy = path!("destroy" / String).then(|id: String| async move {
        let destroyed = json!({ "volumes": true, "service": true });
        answer(&json!({ "instanceId": id, "destroyed": destroyed }))
    });
    let status = path!("status" / "batch").map(move || {
        warp::http::Response::builder()
            .header("content-type", "application/json")
            .body(batch.clone())
            .into_response()
    });
    let health = path!("runtime" / String / "pool" / "health")
        .map(|_: String| answer(&json!({ "ready": true })));
    let provision =
        path!("runtime" / String / "pool" / "provision").then(move |id: String| async move {
            wait(delays.provision).await;
            answer(&json!({
                "conversationId": id, "inviteUrl": format!("https://agents.example/{id}"), "joined": false,
            }))
        });
    status
        .or(configure)
        .unify()
        .or(provision)
        .unify()
        .or(health)
        .unify()
        .or(create)
        .unify()
        .or(destroy)
        .unify()
        .boxed()
}

/// No wait at all for zero: the timer would round it up to the next millisecond.
async fn wait(delay: Duration) {
    if !delay.is_zero() {
        sleep(delay).await;
    }
}

fn answer(body: &Value) -> Response {
    warp::reply::json(body).into_response()
}
