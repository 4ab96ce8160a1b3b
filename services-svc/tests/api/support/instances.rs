//! The runtimes of the instances: only their health checks.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::sync::Semaphore;
use warp::Filter;
use warp::reply::Reply as _;

/// How the instances behave.
#[derive(Debug)]
pub(crate) struct Instances {
    state: Mutex<State>,
    gate: Semaphore,
    pub(crate) url: String,
}

#[derive(Debug, Default)]
struct State {
    ready: HashSet<String>,
    /// The keys of the instances that refuse every other key.
    keys: HashMap<String, String>,
    in_flight: usize,
    asked: usize,
    most_in_flight: usize,
}

impl Instances {
    /// Serves the health checks of all instances.
    pub(super) async fn start() -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let instances = Arc::new(Self {
            state: Mutex::default(),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            url,
        });
        let shared = Arc::clone(&instances);
        let health = warp::path!(String / "pool" / "health")
            .and(warp::get())
            .and(warp::header::<String>("authorization"))
            .then(move |id: String, authorization: String| {
                let shared = Arc::clone(&shared);
                async move {
                    if !shared.accepts(&id, &authorization) {
                        return warp::http::StatusCode::UNAUTHORIZED.into_response();
                    }
                    let ready = shared.answer(&id).await;
                    warp::reply::json(&json!({ "ready": ready, "version": "7.1" })).into_response()
                }
            });
        tokio::spawn(warp::serve(health).incoming(listener).run());
        instances
    }

    async fn answer(&self, id: &str) -> bool {
        {
            let mut state = self.state.lock().unwrap();
            state.in_flight += 1;
            state.asked += 1;
            state.most_in_flight = state.most_in_flight.max(state.in_flight);
        }
        let permit = self.gate.acquire().await;
        drop(permit);
        let mut state = self.state.lock().unwrap();
        state.in_flight -= 1;
        state.ready.contains(id)
    }

    fn accepts(&self, id: &str, authorization: &str) -> bool {
        let state = self.state.lock().unwrap();
        let key = state.keys.get(id);
        key.is_none_or(|key| authorization == format!("Bearer {key}"))
    }

    /// Lets an instance refuse every other key.
    pub(crate) fn set_key(&self, id: &str, key: &str) {
        let mut state = self.state.lock().unwrap();
        state.keys.insert(id.to_owned(), key.to_owned());
    }

    pub(crate) fn set_ready(&self, id: &str) {
        self.state.lock().unwrap().ready.insert(id.to_owned());
    }

    /// Lets health checks wait until [`Instances::release`].
    pub(crate) fn hold(&self) {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(crate) fn release(&self) {
        self.gate.add_permits(1_000);
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.state.lock().unwrap().in_flight
    }

    pub(crate) fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }

    pub(crate) fn most_in_flight(&self) -> usize {
        self.state.lock().unwrap().most_in_flight
    }
}
