//! The cloud as a library: start it, inspect its state, inject faults.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::admin;
use crate::fault::FaultRule;
use crate::http::{Answer, Request, Server};
use crate::inner::{CloudState, Inner};
use crate::ledger::{Exchange, Unexpected};
use crate::options::Options;
use crate::railway::{Railway, Webhooks};
use crate::rate::RateLimit;
use crate::sync::lock;
use crate::{DeploymentStatus, Vendor};

/// A running cloud. Dropping it stops the cloud and its containers.
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

impl FakeCloud {
    /// Starts a cloud on 127.0.0.1.
    ///
    /// # Errors
    /// The port cannot be bound.
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
        let webhooks = Webhooks::new(options.railway.webhook_url.clone());
        let ticker = tokio::spawn(async move { tick(&railway, webhooks).await });
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

    /// `OPENROUTER_API_URL`: the parent of `/keys`.
    #[must_use]
    pub fn openrouter_url(&self) -> String {
        self.url("/openrouter/api/v1")
    }

    /// `AGENTMAIL_API_URL`: the parent of `/v0`, as the vendor's base URL is.
    #[must_use]
    pub fn agentmail_url(&self) -> String {
        self.url("/agentmail")
    }

    /// `TELNYX_API_URL`: with `/v2`.
    #[must_use]
    pub fn telnyx_url(&self) -> String {
        self.url("/telnyx/v2")
    }

    /// The URL of the admin API.
    #[must_use]
    pub fn admin_url(&self) -> String {
        self.url("/_admin")
    }

    /// The options that it was started with, including the accepted keys and tokens.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// The ID of Railway's only workspace.
    #[must_use]
    pub fn railway_workspace_id(&self) -> String {
        lock(&self.inner.railway.state).workspace_id.clone()
    }

    /// The ID of the project that exists from the start, to which the project token belongs.
    #[must_use]
    pub fn railway_project_id(&self) -> String {
        lock(&self.inner.railway.state).first.0.clone()
    }

    /// The ID of that project's environment `production`.
    #[must_use]
    pub fn railway_environment_id(&self) -> String {
        lock(&self.inner.railway.state).first.1.clone()
    }

    /// The current resources of the vendors.
    #[must_use]
    pub fn state(&self) -> CloudState {
        self.inner.state()
    }

    /// The number of calls of an operation, including those that a fault answered.
    #[must_use]
    pub fn calls(&self, vendor: Vendor, operation: &str) -> u64 {
        lock(&self.inner.gate.ledger).calls(vendor, operation)
    }

    /// The number of calls of a vendor. A GraphQL request counts once per root field.
    #[must_use]
    pub fn calls_of(&self, vendor: Vendor) -> u64 {
        let ledger = lock(&self.inner.gate.ledger);
        let own = ledger.calls.iter().filter(|((of, _), _)| *of == vendor);
        own.map(|(_, count)| count).sum()
    }

    /// The requests that no vendor knows. Tests assert that there are none.
    #[must_use]
    pub fn unexpected(&self) -> Vec<Unexpected> {
        lock(&self.inner.gate.ledger).unexpected.clone()
    }

    /// Every exchange so far, if [`Options::record`] is set.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        lock(&self.inner.gate.ledger).exchanges.clone()
    }

    /// Adds a fault. Earlier ones take precedence.
    pub fn fault(&self, rule: FaultRule) {
        lock(&self.inner.gate.faults).add(rule);
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        lock(&self.inner.gate.faults).clear();
    }

    /// Issues another key to the customer of a vendor: `new` is accepted wherever `key` is.
    pub fn issue_key(&self, key: &str, new: &str) {
        lock(&self.inner.gate.keys).issue(key, new);
    }

    /// Revokes a key of the customer of a vendor. Keys that were issued for it stay valid.
    pub fn revoke_key(&self, key: &str) {
        lock(&self.inner.gate.keys).revoke(key);
    }

    /// What a vendor answers; `None` if it cuts the connection.
    pub(crate) async fn answer(&self, request: Request) -> Option<Answer> {
        self.inner.gate.handle(request).await.ok()
    }

    /// Sets a vendor's rate limit and starts a new window.
    pub fn set_rate_limit(&self, vendor: Vendor, limit: Option<RateLimit>) {
        if let Some(gated) = self.inner.gate.vendor(vendor) {
            lock(&gated.meter).set(limit);
        }
    }

    /// From now on, deployments of this Railway image end with this status.
    pub fn set_image_outcome(&self, image: &str, end: DeploymentStatus) {
        lock(&self.inner.railway.state)
            .doomed
            .insert(image.to_owned(), end);
    }

    /// Kills the containers of a Railway service; their deployments become `CRASHED`.
    pub fn crash_service(&self, name: &str) {
        lock(&self.inner.railway.state).crash(name);
    }

    /// Adds a line to the output of a Railway service's newest deployment.
    pub fn write_log(&self, service_id: &str, line: &str) {
        lock(&self.inner.railway.state).write_log(service_id, line);
    }

    /// Another buyer takes this Telnyx number: it is no longer available, and an order for it
    /// that is pending fails.
    pub fn take_number_as_another_buyer(&self, number: &str) {
        let mut telnyx = lock(&self.inner.telnyx.state);
        telnyx.stock.retain(|held| held != number);
        telnyx.snatched.insert(number.to_owned());
    }

    /// Fulfils every pending Telnyx order now, whatever its pace.
    pub fn fulfil_telnyx_orders(&self) {
        lock(&self.inner.telnyx.state).fulfil();
    }

    /// Adds another program's resource, with these members, to a vendor's list of keys, inboxes or numbers. Railway's
    /// lists are typed, so nothing is added there.
    pub fn add_foreign(&self, vendor: Vendor, item: serde_json::Value) {
        match vendor {
            Vendor::OpenRouter => lock(&self.inner.openrouter.state).foreign.push(item),
            Vendor::AgentMail => lock(&self.inner.agentmail.state).foreign.push(item),
            Vendor::Telnyx => lock(&self.inner.telnyx.state).foreign.push(item),
            Vendor::Railway => {}
        }
    }

    /// Deletes every Telnyx messaging profile.
    pub fn delete_messaging_profiles(&self) {
        lock(&self.inner.telnyx.state).held.profiles.clear();
    }

    /// Charges dollars to an OpenRouter key.
    pub fn spend(&self, hash: &str, dollars: f64) {
        if let Some(key) = lock(&self.inner.openrouter.state).key_mut(hash) {
            key.usage += dollars;
        }
    }
}

/// Advances deployments that are paced by time, even without requests, and sends webhooks.
async fn tick(railway: &Railway, mut webhooks: Webhooks) {
    let mut interval = tokio::time::interval(Duration::from_millis(20));
    loop {
        interval.tick().await;
        railway.settle(crate::railway::ReadCount::None).await;
        webhooks.send(railway);
    }
}
