use std::time::Duration;

use agent_pool_core::wire::pool::{
    AddedTool, Affected, ClaimOutcome, Condemned, Costs, CreatedWebhook, DeletedPool, DrainRequest,
    Events, Explanation, Info, InstanceView, NewWebhook, PoolSpec, PoolStatus, PoolVersions,
    PoolView, Pools, ReleasedTool, ReplenishRequest, RolloutAction, RolloutRequest, Simulation,
    SimulationRequest, Template, TickReport, ToolChange, UpgradeRequest, Upgrades,
    WebhookDeliveries, Webhooks, WebhooksQueued,
};
use agent_pool_core::wire::services::UpdatedTool;
use agent_pool_core::{InstanceId, PoolName, Secret, ToolId};
use chrono::NaiveDate;
use reqwest::Method;
use serde_json::Value;
use url::Url;

use crate::call::{Api, Call};
use crate::services::{CREATE_WITHIN, DESTROY_WITHIN, LIMITS};
use crate::{CallError, ClaimOrder, Http};

/// Time limit for an answer that only needs the database.
const SOON: Duration = Duration::from_secs(15);
/// Time limit for a change at a vendor.
const CHANGE_WITHIN: Duration = Duration::from_secs(30);
/// Time limit for an answer for which Services has to report recipes.
const RECIPES_WITHIN: Duration = Duration::from_mins(2);
/// Time limit for a replay of weeks of claims.
const SIMULATE_WITHIN: Duration = Duration::from_mins(2);
/// Time limit for a tick, which examines the whole fleet.
const TICK_WITHIN: Duration = Duration::from_mins(2);
/// Time limit for a claim, without the time that it waits for an idle instance.
const CLAIM_WITHIN: Duration = Duration::from_secs(90);

/// The Pool API.
#[derive(Debug, Clone)]
pub struct Pool(pub(crate) Api);

impl Pool {
    /// Pool at `base`, called with `key`.
    #[must_use]
    pub fn new(http: &Http, base: Url, key: Secret) -> Self {
        Self(Api {
            http: http.clone(),
            service: "Pool",
            base,
            key,
            limits: LIMITS,
        })
    }

    /// Its address.
    #[must_use]
    pub const fn base(&self) -> &Url {
        &self.0.base
    }

    /// `POST /api/pool/claim`: turns an idle instance into an agent.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn claim(&self, order: &ClaimOrder) -> Result<ClaimOutcome, CallError> {
        let within = CLAIM_WITHIN + Duration::from_secs(order.wait.into());
        let call = self.call(Method::POST, &["claim"]);
        order.write(call).answer(within).await
    }

    /// `GET /api/pool/status`: counts and every instance.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn status(&self) -> Result<PoolStatus, CallError> {
        self.get(&["status"]).answer(SOON).await
    }

    /// `GET /api/pool/info`: environment, version and tools.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn info(&self) -> Result<Info, CallError> {
        self.get(&["info"]).answer(SOON).await
    }

    /// `GET /api/pool/events` of one instance or of all, newest first.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn events(
        &self,
        id: Option<&InstanceId>,
        pool: Option<&PoolName>,
        limit: u16,
    ) -> Result<Events, CallError> {
        let mut call = self.get(&["events"]).query("limit", &limit);
        if let Some(id) = id {
            call = call.query("instanceId", id);
        }
        if let Some(pool) = pool {
            call = call.query("pool", pool);
        }
        call.answer(SOON).await
    }

    /// `GET /api/pool/templates`: the catalogue of ready-made agents.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn templates(&self) -> Result<Vec<Template>, CallError> {
        self.get(&["templates"]).answer(SOON).await
    }

    /// `GET /api/pool/templates/:slug`.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn template(&self, slug: &str) -> Result<Template, CallError> {
        self.get(&["templates", slug]).answer(SOON).await
    }

    /// `GET /api/pool/instances/:id`.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn instance(&self, id: &InstanceId) -> Result<InstanceView, CallError> {
        self.get(&["instances", id.as_str()]).answer(SOON).await
    }

    /// `DELETE /api/pool/instances/:id`: destroys an instance, whatever its status.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn kill(&self, id: &InstanceId) -> Result<Condemned, CallError> {
        let call = self.call(Method::DELETE, &["instances", id.as_str()]);
        call.answer(SOON).await
    }

    /// `PUT /api/pool/instances/:id/protection`: protects an instance from being claimed, drained, replaced or killed.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn protect(&self, id: &InstanceId) -> Result<InstanceView, CallError> {
        let call = self.call(Method::PUT, &["instances", id.as_str(), "protection"]);
        call.answer(SOON).await
    }

    /// `DELETE /api/pool/instances/:id/protection`: removes the protection of an instance.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn unprotect(&self, id: &InstanceId) -> Result<InstanceView, CallError> {
        let call = self.call(Method::DELETE, &["instances", id.as_str(), "protection"]);
        call.answer(SOON).await
    }

    /// `GET /api/pool/costs`: the costs on these days (the last 30 by default), of all pools or of one.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn costs(
        &self,
        since: Option<NaiveDate>,
        until: Option<NaiveDate>,
        pool: Option<&PoolName>,
    ) -> Result<Costs, CallError> {
        let mut call = self.get(&["costs"]);
        for (name, day) in [("since", since), ("until", until)] {
            if let Some(day) = day {
                call = call.query(name, &day);
            }
        }
        if let Some(pool) = pool {
            call = call.query("pool", pool);
        }
        call.answer(SOON).await
    }

    /// `PATCH /api/pool/instances/:id/tools/:tool`: changes the options of a tool, such as its limit.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn change_tool(
        &self,
        id: &InstanceId,
        tool: &ToolId,
        change: &ToolChange,
    ) -> Result<UpdatedTool, CallError> {
        let path = ["instances", id.as_str(), "tools", tool.as_str()];
        let call = self.call(Method::PATCH, &path).json(change);
        call.answer(CHANGE_WITHIN).await
    }

    /// `DELETE /api/pool/crashed/:id`: destroys a crashed instance.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn dismiss(&self, id: &InstanceId) -> Result<Condemned, CallError> {
        let call = self.call(Method::DELETE, &["crashed", id.as_str()]);
        call.answer(SOON).await
    }

    /// `POST /api/pool/drain`: destroys idle instances, of one pool or the oldest of all.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn drain(&self, pool: Option<PoolName>, count: u32) -> Result<Affected, CallError> {
        let call = self.call(Method::POST, &["drain"]);
        let request = DrainRequest { pool, count };
        call.json(&request).answer(SOON).await
    }

    /// `POST /api/pool/replenish`: creates `count` instances of a pool, or as many as are missing.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn replenish(
        &self,
        pool: Option<PoolName>,
        count: Option<u32>,
    ) -> Result<Affected, CallError> {
        let call = self.call(Method::POST, &["replenish"]);
        let request = ReplenishRequest { pool, count };
        call.json(&request).answer(SOON).await
    }

    /// `GET /api/pool/pools`: the pools with their counts.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn pools(&self) -> Result<Pools, CallError> {
        self.get(&["pools"]).answer(SOON).await
    }

    /// `GET /api/pool/pools/:name`.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn pool(&self, name: &PoolName) -> Result<PoolView, CallError> {
        self.get(&["pools", name.as_str()]).answer(SOON).await
    }

    /// `GET /api/pool/pools/:name/versions`, newest first.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn pool_versions(&self, name: &PoolName) -> Result<PoolVersions, CallError> {
        let call = self.get(&["pools", name.as_str(), "versions"]);
        call.answer(SOON).await
    }

    /// `PUT /api/pool/pools/:name`: replaces the definition of a pool, if it still has this version.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn put_pool(
        &self,
        name: &PoolName,
        spec: &PoolSpec,
        version: u32,
    ) -> Result<PoolView, CallError> {
        let call = self.call(Method::PUT, &["pools", name.as_str()]);
        let call = call.query("version", &version).json(spec);
        call.answer(SOON).await
    }

    /// `PATCH /api/pool/pools/:name`: changes the members of `patch`; those that are null follow the settings again.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn patch_pool(&self, name: &PoolName, patch: &Value) -> Result<PoolView, CallError> {
        let call = self.call(Method::PATCH, &["pools", name.as_str()]);
        call.json(patch).answer(SOON).await
    }

    /// `DELETE /api/pool/pools/:name`: drains and deletes a pool. Its agents move to the pool `move_to`; without it
    /// there must be none.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn delete_pool(
        &self,
        name: &PoolName,
        move_to: Option<&PoolName>,
    ) -> Result<DeletedPool, CallError> {
        let call = self.call(Method::DELETE, &["pools", name.as_str()]);
        let call = match move_to {
            Some(target) => call.query("moveTo", target),
            None => call,
        };
        call.answer(SOON).await
    }

    /// `POST /api/pool/pools/:name/rollout`: retries or stops the latest roll-out of a pool.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn change_rollout(
        &self,
        name: &PoolName,
        action: RolloutAction,
    ) -> Result<PoolView, CallError> {
        let call = self.call(Method::POST, &["pools", name.as_str(), "rollout"]);
        call.json(&RolloutRequest { action }).answer(SOON).await
    }

    /// `GET /api/pool/upgrades`: the recipe of each instance, and what it runs.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn upgrades(&self) -> Result<Upgrades, CallError> {
        self.get(&["upgrades"]).answer(RECIPES_WITHIN).await
    }

    /// `POST /api/pool/upgrades`: upgrades claimed instances to the recipe of their pool.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn upgrade(&self, request: &UpgradeRequest) -> Result<Affected, CallError> {
        let call = self.call(Method::POST, &["upgrades"]);
        call.json(request).answer(RECIPES_WITHIN).await
    }

    /// `POST /api/pool/reconcile`: runs a tick now.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn reconcile(&self) -> Result<TickReport, CallError> {
        let call = self.call(Method::POST, &["reconcile"]);
        call.answer(TICK_WITHIN).await
    }

    /// `GET /api/pool/explain/instance/:id`: its history, in sentences.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn explain_instance(&self, id: &InstanceId) -> Result<Explanation, CallError> {
        let call = self.get(&["explain", "instance", id.as_str()]);
        call.answer(SOON).await
    }

    /// `GET /api/pool/explain/pool/:name`: its state, in sentences.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn explain_pool(&self, name: &str) -> Result<Explanation, CallError> {
        self.get(&["explain", "pool", name]).answer(SOON).await
    }

    /// `POST /api/pool/simulate`: replays the log under another policy.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn simulate(&self, request: &SimulationRequest) -> Result<Simulation, CallError> {
        let call = self.call(Method::POST, &["simulate"]);
        call.json(request).answer(SIMULATE_WITHIN).await
    }

    /// `POST /api/pool/instances/:id/tools/:tool`: adds a tool to an instance.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn add_tool(&self, id: &InstanceId, tool: &ToolId) -> Result<AddedTool, CallError> {
        let path = ["instances", id.as_str(), "tools", tool.as_str()];
        let call = self.call(Method::POST, &path);
        call.answer(CREATE_WITHIN + SOON).await
    }

    /// `DELETE /api/pool/instances/:id/tools/:tool`: releases a tool of an instance.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn release_tool(
        &self,
        id: &InstanceId,
        tool: &ToolId,
    ) -> Result<ReleasedTool, CallError> {
        let path = ["instances", id.as_str(), "tools", tool.as_str()];
        let call = self.call(Method::DELETE, &path);
        call.answer(DESTROY_WITHIN + SOON).await
    }

    /// `GET /api/pool/webhooks`: the endpoints that are notified.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn webhooks(&self) -> Result<Webhooks, CallError> {
        self.get(&["webhooks"]).answer(SOON).await
    }

    /// `POST /api/pool/webhooks`: adds an endpoint.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn add_webhook(&self, new: &NewWebhook) -> Result<CreatedWebhook, CallError> {
        let call = self.call(Method::POST, &["webhooks"]);
        call.json(new).answer(SOON).await
    }

    /// `DELETE /api/pool/webhooks/:id`.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn remove_webhook(&self, id: &str) -> Result<WebhooksQueued, CallError> {
        let call = self.call(Method::DELETE, &["webhooks", id]);
        call.answer(SOON).await
    }

    /// `POST /api/pool/webhooks/:id/test`: sends a test message.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn test_webhook(&self, id: &str) -> Result<WebhooksQueued, CallError> {
        let call = self.call(Method::POST, &["webhooks", id, "test"]);
        call.answer(SOON).await
    }

    /// `GET /api/pool/webhook-deliveries`: the log of deliveries, newest first.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn webhook_deliveries(&self, limit: u16) -> Result<WebhookDeliveries, CallError> {
        let call = self.get(&["webhook-deliveries"]).query("limit", &limit);
        call.answer(SOON).await
    }

    /// `POST /api/pool/webhook-deliveries/:id/resend`: sends a message again.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn resend_webhook(&self, delivery: i64) -> Result<WebhooksQueued, CallError> {
        let delivery = delivery.to_string();
        let path = ["webhook-deliveries", &delivery, "resend"];
        self.call(Method::POST, &path).answer(SOON).await
    }

    fn get(&self, path: &[&str]) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub(crate) fn call(&self, method: Method, path: &[&str]) -> Call<'_> {
        self.0.call(method, &[&["api", "pool"], path].concat())
    }
}
