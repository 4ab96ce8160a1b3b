//! The cluster as a library: start it, inspect its state, inject faults.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

use super::kubelet::crashed;
use super::machines::{self, Machines};
use super::run::{Fate, Run};
use super::state::{ClusterOptions, Object, State};
use super::target::{Key, Resource};
use crate::http::Server;
use crate::sync::lock;

/// Time between two ticks.
const TICK: Duration = Duration::from_millis(5);
/// More ticks than any operation here takes.
const QUIET: usize = 64;

/// A running cluster. Dropping it stops the cluster.
pub struct FakeCluster {
    state: Arc<Mutex<State>>,
    machines: Arc<Mutex<Machines>>,
    server: Server,
    _ticker: AbortOnDropHandle<()>,
}

impl fmt::Debug for FakeCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeCluster")
            .field("address", &self.server.address)
            .finish_non_exhaustive()
    }
}

impl FakeCluster {
    /// Starts a cluster on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(options: ClusterOptions) -> io::Result<Self> {
        let state = Arc::new(Mutex::new(State::new(options)));
        let serving = Arc::clone(&state);
        let server = Server::start(0, move |request| {
            let answer = lock(&serving).respond(&request);
            async move { Ok(answer) }
        });
        let machines = Arc::new(Mutex::new(Machines::default()));
        let (ticking, running) = (Arc::clone(&state), Arc::clone(&machines));
        let ticker = tokio::spawn(async move {
            let mut interval = tokio::time::interval(TICK);
            loop {
                interval.tick().await;
                lock(&ticking).tick();
                machines::follow(&running, &ticking).await;
            }
        });
        Ok(Self {
            server: server.await?,
            state,
            machines,
            _ticker: AbortOnDropHandle::new(ticker),
        })
    }

    /// Host and port of the API server.
    #[must_use]
    pub fn authority(&self) -> String {
        self.server.address.to_string()
    }

    /// A kubeconfig for an API server at `url`, with a context of the namespace `agents` and without credentials.
    #[must_use]
    pub fn kubeconfig(url: &str) -> String {
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "fake",
            "clusters": [{ "name": "fake", "cluster": { "server": url } }],
            "contexts": [{ "name": "fake", "context": { "cluster": "fake", "user": "fake", "namespace": "agents" } }],
            "users": [{ "name": "fake", "user": {} }],
        });
        config.to_string()
    }

    /// The objects of a resource, such as `secrets`.
    #[must_use]
    pub fn objects(&self, plural: &str) -> Vec<Value> {
        let state = self.state();
        let own = state
            .objects
            .iter()
            .filter(|((resource, ..), _)| resource.plural() == plural);
        own.map(|(_, object)| object.value.clone()).collect()
    }

    /// Kind and name of every object.
    #[must_use]
    pub fn held(&self) -> Vec<(&'static str, String)> {
        let state = self.state();
        let held = state
            .objects
            .keys()
            .map(|(resource, _, name)| (resource.kind(), name.clone()));
        held.collect()
    }

    /// Every start of a container so far.
    #[must_use]
    pub fn runs(&self) -> Vec<Run> {
        self.state().runs.clone()
    }

    /// Where the container of a pod listens, if it runs and [`ClusterOptions::launcher`] started it.
    #[must_use]
    pub fn address(&self, pod: &str) -> Option<SocketAddr> {
        lock(&self.machines).address(pod)
    }

    /// Requests that no API server would know, and objects that it would refuse. A test asserts that there are none.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        self.state().faults.clone()
    }

    /// Ticks until no operation is in progress.
    pub fn settle(&self) {
        let mut state = self.state();
        let mut quiet = 0;
        for _ in 0..10_000 {
            let before = state.version;
            state.tick();
            quiet = if state.version == before {
                quiet + 1
            } else {
                0
            };
            if quiet > QUIET {
                return;
            }
        }
    }

    /// Sets the fate of pods with this image.
    pub fn set_fate(&self, image: &str, fate: Fate) {
        self.state().fates.insert(image.to_owned(), fate);
    }

    /// Sets the role's rules, as in a manifest; `None` allows everything.
    pub fn set_rules(&self, rules: Option<Vec<Value>>) {
        self.state().options.rules = rules;
    }

    /// The next `count` continue tokens are answered as expired.
    pub fn expire_pages(&self, count: usize) {
        self.state().expired = count;
    }

    /// The next `count` requests are refused with 429.
    pub fn throttle(&self, count: usize) {
        self.state().throttled = count;
    }

    /// From now on accepts only this bearer token.
    pub fn rotate_token(&self, token: &str) {
        token.clone_into(&mut self.state().options.token);
    }

    /// The container of a pod ends once, and is started again.
    pub fn kill(&self, pod: &str, code: i32, reason: &str) {
        self.change("pods", pod, |value| {
            value["status"] = crashed(value, code, reason);
        });
    }

    /// Adds a line to a pod's output.
    pub fn write_log(&self, pod: &str, line: &str) {
        let line = format!("{} {line}", crate::time::now());
        self.state()
            .logs
            .entry(pod.to_owned())
            .or_default()
            .push(line);
    }

    /// Adds an object as another client, without validation.
    pub fn add(&self, plural: &str, mut value: Value) {
        let mut state = self.state();
        let name = value["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let namespace = value["metadata"]["namespace"]
            .as_str()
            .unwrap_or("agents")
            .to_owned();
        if let Some(resource) = resource(plural) {
            value["apiVersion"] = resource.api_version().into();
            value["kind"] = resource.kind().into();
            state.put(
                &(resource, namespace, name),
                value,
                std::collections::BTreeMap::new(),
            );
        }
    }

    /// Changes an object as another client.
    pub fn change(&self, plural: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let mut state = self.state();
        let key = state
            .objects
            .keys()
            .find(|(resource, _, own)| resource.plural() == plural && own == name)
            .cloned();
        if let Some(key) = key {
            state.change_as(&key, "somebody", change);
        }
    }

    /// Removes an object at once, with its finalizers.
    pub fn remove(&self, plural: &str, name: &str) {
        let keep = |key: &Key, _: &mut Object| key.0.plural() != plural || key.2 != name;
        self.state().objects.retain(keep);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn resource(plural: &str) -> Option<Resource> {
    let groups = ["", "apps", "networking.k8s.io", "gateway.networking.k8s.io"];
    groups
        .into_iter()
        .find_map(|group| Resource::find(group, plural))
}
