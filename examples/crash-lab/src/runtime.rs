//! The runtime in the containers of the fake Railway. It remembers which agents were provisioned, so that an instance
//! that is handed out twice is noticed.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use fake_cloud::{Container, Launcher, Running};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use warp::Filter;
use warp::http::StatusCode;
use warp::reply::{json as body, with_status};

/// The agents that were provisioned, by the name of the service, over all its deployments.
#[derive(Debug, Clone, Default)]
pub(crate) struct Provisioned(Arc<Mutex<BTreeMap<String, Vec<String>>>>);

impl Provisioned {
    /// Adds one, and returns how many there are.
    pub(crate) fn add(&self, service: &str, agent: &str) -> usize {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let agents = all.entry(service.to_owned()).or_default();
        agents.push(agent.to_owned());
        agents.len()
    }

    /// The agents that were provisioned on this service, oldest first.
    pub(crate) fn for_service(&self, service: &str) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(service).cloned().unwrap_or_default()
    }
}

#[async_trait]
impl Launcher for Provisioned {
    async fn launch(&self, container: Container) -> io::Result<Box<dyn Running>> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let key = container.variables.get("POOL_API_KEY");
        let bearer = format!("Bearer {}", key.map_or("", String::as_str));
        let (running, stopped) = oneshot::channel::<()>();
        let routes = routes(self.clone(), container.service_name, bearer);
        let server = warp::serve(routes).incoming(listener).graceful(async {
            stopped.await.ok();
        });
        tokio::spawn(server.run());
        Ok(Box::new(Runtime {
            address,
            _running: running,
        }))
    }
}

fn routes(
    provisioned: Provisioned,
    service: String,
    bearer: String,
) -> impl Filter<Extract = (impl warp::Reply,), Error = warp::Rejection> + Clone {
    let (seen, name) = (provisioned.clone(), service.clone());
    let health = warp::path!("pool" / "health").map(move || {
        let provisioned = !seen.for_service(&name).is_empty();
        json!({"ready": true, "provisioned": provisioned, "variables": true})
    });
    let variables = warp::path!("pool" / "variables")
        .and(warp::post())
        .map(|| json!({"ok": true}));
    let provision = warp::path!("pool" / "provision")
        .and(warp::post())
        .and(warp::body::json())
        .map(move |asked: Value| {
            let agent = asked["agentName"].as_str().unwrap_or_default();
            let number = provisioned.add(&service, agent);
            let conversation = format!("{service}-{number}");
            let invite = format!("https://example.org/v2?i={conversation}");
            json!({"conversationId": conversation, "inviteUrl": invite, "joined": false})
        });
    let answer = health.or(variables).unify().or(provision).unify();
    warp::header::optional("authorization").and(answer).map(
        move |shown: Option<String>, answer: Value| {
            if shown.as_deref() == Some(&bearer) {
                return with_status(body(&answer), StatusCode::OK);
            }
            let refusal = json!({"error": "Unauthorized"});
            with_status(body(&refusal), StatusCode::UNAUTHORIZED)
        },
    )
}

#[derive(Debug)]
struct Runtime {
    address: SocketAddr,
    _running: oneshot::Sender<()>,
}

impl Running for Runtime {
    fn address(&self) -> SocketAddr {
        self.address
    }
}
