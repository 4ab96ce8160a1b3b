//! The cloud as a library: started, asked, disturbed, looked into.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::admin;
use crate::agentmail::{AgentMail, AgentMailState};
use crate::api::{Rest, VendorApi};
use crate::fault::{FaultRule, Faults};
use crate::gate::{Gate, Gated};
use crate::http::Server;
use crate::ledger::{Exchange, Ledger, Unexpected};
use crate::openrouter::{OpenRouter, OpenRouterState};
use crate::options::{Latency, Options};
use crate::railway::{Railway, RailwayState};
use crate::rate::{Meter, RateLimit};
use crate::sync::lock;
use crate::telnyx::{Telnyx, TelnyxState};
use crate::{DeploymentStatus, Vendor};

/// What the four vendors hold now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CloudState {
    /// Railway's.
    pub railway: RailwayState,
    /// OpenRouter's.
    pub openrouter: OpenRouterState,
    /// AgentMail's.
    pub agentmail: AgentMailState,
    /// Telnyx's.
    pub telnyx: TelnyxState,
}

/// Everything behind the listener.
pub(crate) struct Inner {
    pub(crate) gate: Gate,
    pub(crate) railway: Arc<Railway>,
    pub(crate) openrouter: Arc<Rest<OpenRouter>>,
    pub(crate) agentmail: Arc<Rest<AgentMail>>,
    pub(crate) telnyx: Arc<Rest<Telnyx>>,
}

/// A running cloud. It ends, containers included, when this is dropped.
pub struct FakeCloud {
    inner: Arc<Inner>,
    server: Server,
    options: Options,
    _ticker: tokio_util::task::AbortOnDropHandle<()>,
}

impl std::fmt::Debug for FakeCloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FakeCloud")
            .field("address", &self.server.address)
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn new(options: &Options) -> Self {
        let seed = options.seed; // one more for each vendor, so that no two make the same ids
        let state = crate::railway::State::new(options.railway.clone(), seed);
        let railway = Arc::new(Railway::new(state, Arc::clone(&options.launcher)));
        let openrouter = Arc::new(Rest::new(OpenRouter::new(
            options.openrouter.clone(),
            seed.wrapping_add(1),
        )));
        let agentmail = Arc::new(Rest::new(AgentMail::new(
            options.agentmail.clone(),
            seed.wrapping_add(2),
        )));
        let telnyx = Arc::new(Rest::new(Telnyx::new(
            options.telnyx.clone(),
            seed.wrapping_add(3),
        )));
        let vendors: [Arc<dyn VendorApi>; 4] = [
            Arc::clone(&railway) as _,
            Arc::clone(&openrouter) as _,
            Arc::clone(&agentmail) as _,
            Arc::clone(&telnyx) as _,
        ];
        let gated = vendors.into_iter().map(|api| Gated {
            api,
            meter: Meter::new(None).into(),
            latency: options.latency.into(),
        });
        let gate = Gate {
            vendors: gated.collect(),
            faults: Faults::new(seed).into(),
            ledger: Ledger::default().into(),
            record: options.record,
        };
        Self {
            gate,
            railway,
            openrouter,
            agentmail,
            telnyx,
        }
    }

    pub(crate) fn state(&self) -> CloudState {
        CloudState {
            railway: lock(&self.railway.state).snapshot(),
            openrouter: lock(&self.openrouter.state).held.clone(),
            agentmail: lock(&self.agentmail.state).held.clone(),
            telnyx: lock(&self.telnyx.state).held.clone(),
        }
    }
}

impl FakeCloud {
    /// Starts a cloud on 127.0.0.1.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub async fn start(options: Options) -> io::Result<Self> {
        let inner = Arc::new(Inner::new(&options));
        let serving = Arc::clone(&inner);
        let server = Server::start(options.port, move |request| {
            let inner = Arc::clone(&serving);
            async move {
                match admin::answer(&inner, &request) {
                    Some(answer) => Ok(answer),
                    None => inner.gate.handle(request).await,
                }
            }
        });
        let railway = Arc::clone(&inner.railway);
        let ticker = tokio::spawn(async move { tick(&railway).await });
        Ok(Self {
            server: server.await?,
            inner,
            options,
            _ticker: tokio_util::task::AbortOnDropHandle::new(ticker),
        })
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.authority())
    }

    /// The host and port of every vendor.
    #[must_use]
    pub fn authority(&self) -> String {
        self.server.address.to_string()
    }

    /// `RAILWAY_API_URL`: the GraphQL endpoint itself.
    #[must_use]
    pub fn railway_url(&self) -> String {
        self.url("/railway/graphql/v2")
    }

    /// `OPENROUTER_API_URL`: above `/keys`.
    #[must_use]
    pub fn openrouter_url(&self) -> String {
        self.url("/openrouter/api/v1")
    }

    /// `AGENTMAIL_API_URL`: above `/v0`, as the vendor's own base is.
    #[must_use]
    pub fn agentmail_url(&self) -> String {
        self.url("/agentmail")
    }

    /// `TELNYX_API_URL`: with `/v2`.
    #[must_use]
    pub fn telnyx_url(&self) -> String {
        self.url("/telnyx/v2")
    }

    /// Above `/_admin`.
    #[must_use]
    pub fn admin_url(&self) -> String {
        self.url("/_admin")
    }

    /// What it was started with; the accepted keys and tokens are in here.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// The id of Railway's one workspace.
    #[must_use]
    pub fn railway_workspace_id(&self) -> String {
        lock(&self.inner.railway.state).workspace_id.clone()
    }

    /// The id of the project that is there from the start, which the project token belongs to.
    #[must_use]
    pub fn railway_project_id(&self) -> String {
        lock(&self.inner.railway.state).first.0.clone()
    }

    /// The id of that project's environment `production`.
    #[must_use]
    pub fn railway_environment_id(&self) -> String {
        lock(&self.inner.railway.state).first.1.clone()
    }

    /// What the vendors hold now.
    #[must_use]
    pub fn state(&self) -> CloudState {
        self.inner.state()
    }

    /// How often an operation was asked for, faults included.
    #[must_use]
    pub fn calls(&self, vendor: Vendor, operation: &str) -> u64 {
        lock(&self.inner.gate.ledger).calls(vendor, operation)
    }

    /// How often anything was asked of a vendor. A GraphQL request counts once per root field.
    #[must_use]
    pub fn calls_of(&self, vendor: Vendor) -> u64 {
        let ledger = lock(&self.inner.gate.ledger);
        let own = ledger.calls.iter().filter(|((of, _), _)| *of == vendor);
        own.map(|(_, count)| count).sum()
    }

    /// The requests that no vendor would know. A test asserts that there are none.
    #[must_use]
    pub fn unexpected(&self) -> Vec<Unexpected> {
        lock(&self.inner.gate.ledger).unexpected.clone()
    }

    /// Every exchange so far, when [`Options::record`] is set.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        lock(&self.inner.gate.ledger).exchanges.clone()
    }

    /// Adds a fault; earlier ones are asked first.
    pub fn fault(&self, rule: FaultRule) {
        lock(&self.inner.gate.faults).add(rule);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        lock(&self.inner.gate.faults).clear();
    }

    /// Sets a vendor's delay.
    pub fn set_latency(&self, vendor: Vendor, latency: Latency) {
        if let Some(gated) = self.inner.gate.vendor(vendor) {
            *lock(&gated.latency) = latency;
        }
    }

    /// Sets a vendor's budget and starts a new window.
    pub fn set_rate_limit(&self, vendor: Vendor, limit: Option<RateLimit>) {
        if let Some(gated) = self.inner.gate.vendor(vendor) {
            lock(&gated.meter).set(limit);
        }
    }

    /// Deployments of this Railway image end so from now on.
    pub fn doom_image(&self, image: &str, end: DeploymentStatus) {
        lock(&self.inner.railway.state)
            .doomed
            .insert(image.to_owned(), end);
    }

    /// Kills the containers of a Railway service; their deployments become `CRASHED`.
    pub fn crash_service(&self, name: &str) {
        lock(&self.inner.railway.state).crash(name);
    }

    /// Another buyer takes this Telnyx number: it is no longer available, and an order for it
    /// that is pending fails.
    pub fn snatch_number(&self, number: &str) {
        let mut telnyx = lock(&self.inner.telnyx.state);
        telnyx.stock.retain(|held| held != number);
        telnyx.snatched.insert(number.to_owned());
    }

    /// Somebody deletes every Telnyx messaging profile.
    pub fn delete_messaging_profiles(&self) {
        lock(&self.inner.telnyx.state).held.profiles.clear();
    }

    /// Books dollars on an OpenRouter key.
    pub fn spend(&self, hash: &str, dollars: f64) {
        if let Some(key) = lock(&self.inner.openrouter.state).key_mut(hash) {
            key.usage += dollars;
        }
    }
}

/// Deployments that are paced by time move on though nobody asks.
async fn tick(railway: &Railway) {
    let mut interval = tokio::time::interval(Duration::from_millis(20));
    loop {
        interval.tick().await;
        railway.settle(crate::railway::ReadCount::None).await;
    }
}
