//! All vendors in one: their resources, their calls, their faults.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::Duration;

use agent_pool_core::{
    Attempt, DeployStatus, EnvVars, ErrorKind, InfraHandle, InstanceId, ProviderError,
};
use agent_pool_service_kit::testing::eventually;
use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;

/// Time limit of every wait; the awaited state comes well before it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Providers are built by plain functions, which find their world with this key.
static WORLDS: LazyLock<Mutex<HashMap<String, Arc<World>>>> = LazyLock::new(Mutex::default);

/// Calls are named `PROVIDER OPERATION`, such as `alpha provision`.
#[derive(Debug, Default)]
pub(crate) struct World {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// The address below which the instances are.
    pub(crate) instances_url: String,
    /// Resources of tools, by tool and instance.
    pub(crate) resources: BTreeMap<(String, InstanceId), Resource>,
    pub(crate) services: BTreeMap<InstanceId, ServiceState>,
    pub(crate) calls: Vec<String>,
    /// The attempts of the calls that create something.
    pub(crate) attempts: Vec<Attempt>,
    /// Number of bytes of metadata in tools' answers, and an undeclared variable in them.
    pub(crate) metadata_bytes: usize,
    pub(crate) undeclared: Option<&'static str>,
    /// The prefix and the suffix of every secret, and a metadata of all tools.
    pub(crate) secret_start: &'static str,
    pub(crate) secret_end: &'static str,
    pub(crate) metadata_text: &'static str,
    /// A metadata that all tools have from now on.
    pub(crate) campaign: Option<&'static str>,
    /// Appended to the shelf in the handles that the infra returns.
    pub(crate) shelf_end: &'static str,
    /// The digest of every instance's image, as the infra lists it.
    pub(crate) listed_digest: Option<&'static str>,
    /// The digests that the names of images refer to.
    pub(crate) digests: HashMap<String, String>,
    failures: HashMap<String, Failure>,
    gates: HashMap<String, Arc<Semaphore>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Resource {
    pub(crate) id: String,
    /// The mark that it bears.
    pub(crate) label: String,
    pub(crate) created_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone)]
pub(crate) struct ServiceState {
    pub(crate) handle: InfraHandle,
    pub(crate) variables: EnvVars,
    pub(crate) deployments: u32,
    pub(crate) status: Option<DeployStatus>,
    pub(crate) detail: Option<String>,
    pub(crate) created_at: Option<DateTime<Utc>>,
}

impl ServiceState {
    /// Deploys it with the options of a handle, which the handle that is listed shows.
    pub(crate) fn deploy(&mut self, handle: &InfraHandle) {
        self.handle.options.clone_from(&handle.options);
        self.deployments += 1;
    }
}

#[derive(Debug, Clone, Copy)]
struct Failure {
    kind: ErrorKind,
    when: When,
}

/// Whether a failing call had its effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    After,
}

impl World {
    /// A world whose key is the address of its instances.
    pub(crate) fn new(instances_url: &str) -> Arc<Self> {
        let world = Arc::new(Self::default());
        world.state().instances_url = instances_url.to_owned();
        let key = instances_url.to_owned();
        WORLDS.lock().unwrap().insert(key, Arc::clone(&world));
        world
    }

    pub(crate) fn get(key: &str) -> Arc<Self> {
        Arc::clone(&WORLDS.lock().unwrap()[key])
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Makes every such call fail from now on.
    pub(crate) fn fail(&self, call: &str, kind: ErrorKind, when: When) {
        let failure = Failure { kind, when };
        self.state().failures.insert(call.to_owned(), failure);
    }

    /// Lets every call succeed again.
    pub(crate) fn heal(&self) {
        self.state().failures.clear();
    }

    /// Holds every such call until [`World::open`].
    pub(crate) fn hold(&self, call: &str) {
        let closed = Arc::new(Semaphore::new(0));
        self.state().gates.insert(call.to_owned(), closed);
    }

    pub(crate) fn open(&self, call: &str) {
        if let Some(gate) = self.state().gates.remove(call) {
            gate.close();
        }
    }

    /// How often a call was made.
    pub(crate) fn count(&self, call: &str) -> usize {
        self.state()
            .calls
            .iter()
            .filter(|made| *made == call)
            .count()
    }

    /// Waits until a call was made this many times.
    pub(crate) async fn called(&self, call: &str, times: usize) {
        let what = format!("{times} calls of {call}");
        eventually(&what, PATIENCE, async || self.count(call) >= times).await;
    }

    /// Whether the vendors hold nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        let state = self.state();
        state.resources.is_empty() && state.services.is_empty()
    }

    /// Whether the vendors hold anything of an instance.
    pub(crate) fn has(&self, id: &str) -> bool {
        let state = self.state();
        let of_tools = state.resources.keys().map(|(_, owner)| owner);
        of_tools
            .chain(state.services.keys())
            .any(|owner| owner.as_str() == id)
    }

    /// One call: it is recorded, held and failed as configured, and has its effect.
    pub(super) async fn call<T>(
        &self,
        call: &str,
        effect: impl FnOnce(&mut State) -> T + Send,
    ) -> Result<T, ProviderError> {
        let (gate, failure) = {
            let mut state = self.state();
            state.calls.push(call.to_owned());
            (
                state.gates.get(call).cloned(),
                state.failures.get(call).copied(),
            )
        };
        if let Some(gate) = gate {
            // A closed gate is open: nobody ever adds a permit.
            let _ = gate.acquire().await;
        }
        let error = failure.map(|failure| ProviderError::new(failure.kind, "as told"));
        match (error, failure.map(|failure| failure.when)) {
            (Some(error), Some(When::Before)) => Err(error),
            (Some(error), _) => {
                effect(&mut self.state());
                Err(error)
            }
            (None, _) => Ok(effect(&mut self.state())),
        }
    }
}
