//! The operations of the Pool API. Their order is that of `docs/api.md`.

use agent_pool_core::wire::pool::{
    AddedTool, Affected, Agents, ClaimRequest, Claimed, Condemned, Costs, Counts, CreatedWebhook,
    DeletedPool, DrainRequest, Events, Explanation, Info, InstanceView, NewWebhook, PendingClaim,
    Policy, PoolSpec, PoolStatus, PoolVersions, PoolView, Pools, ReleasedTool, ReplenishRequest,
    RolloutRequest, Simulation, SimulationRequest, Template, TickReport, ToolChange,
    UpgradeRequest, Upgrades, WebhookDeliveries, Webhooks, WebhooksQueued,
};
use agent_pool_core::wire::problem::ProblemCode as Code;
use agent_pool_core::wire::runtime::Acceptance;
use agent_pool_core::wire::services::UpdatedTool;
use agent_pool_core::{InstanceId, PoolName, ToolId};
use agent_pool_service_kit::openapi::{About, Operation, common_operations, document};

use crate::claim::input::IdempotencyKey;
use crate::handlers::claim_input::ClaimQuery;
use crate::handlers::costs::CostsQuery;
use crate::handlers::pools::{ChangeQuery, DeleteQuery};
use crate::handlers::views::EventsQuery;
use crate::handlers::webhooks::DeliveriesQuery;

const ABOUT: About = About {
    title: "Agent pool",
    version: env!("CARGO_PKG_VERSION"),
    description: "Claims warm agent instances and manages the pool of them.",
};

/// The problems of every operation that uses the database.
const DATABASE: [Code; 3] = [
    Code::DatabaseUnavailable,
    Code::SecretUnreadable,
    Code::InternalError,
];

/// The problems of a claim.
const CLAIM: [Code; 16] = [
    Code::UnknownPool,
    Code::InvalidIdempotencyKey,
    Code::IdempotencyKeyReused,
    Code::NoIdleInstance,
    Code::ShuttingDown,
    Code::HungUp,
    Code::Superseded,
    Code::ClaimTimedOut,
    Code::ClaimFailed,
    Code::RuntimeRefused,
    Code::JoinFailed,
    Code::ServicesUnavailable,
    Code::ServicesRefused,
    Code::DatabaseUnavailable,
    Code::SecretUnreadable,
    Code::InternalError,
];

/// The OpenAPI document of this service.
#[must_use]
pub fn openapi() -> serde_json::Value {
    let operations = [
        claims(),
        views(),
        pools(),
        changes_of_pools(),
        rollouts(),
        fleet(),
        protection(),
        costs(),
        tools(),
        explanations(),
        webhooks(),
        common_operations(),
    ]
    .concat();
    document(&ABOUT, &operations)
}

fn claims() -> Vec<Operation> {
    let claim = |path, id, summary| {
        Operation::post(path, id, summary)
            .key()
            .query::<ClaimQuery>()
            .header::<IdempotencyKey>(
                "Idempotency-Key",
                "The same key and body get the same answer for 24 hours.",
            )
            .optional_body::<ClaimRequest>()
    };
    vec![
        claim("/api/pool/claim", "claim", "Claim an idle instance")
            .answers::<Claimed>("The agent is in its conversation.")
            .answers_with::<PendingClaim>(202, "A person must still accept the agent.")
            .problems(&CLAIM),
        claim(
            "/api/pool/claim/stream",
            "claim_stream",
            "Claim an idle instance and follow the steps",
        )
        .answers_text(
            "text/event-stream",
            "Events `waiting`, `step`, then one `result`, `pending` or `error`.",
        )
        .problems(&CLAIM),
        Operation::post(
            "/api/pool/instances/:id/acceptance",
            "report_acceptance",
            "Report the outcome of a join that waited, as the runtime of that instance",
        )
        .key()
        .segment::<InstanceId>("id")
        .body::<Acceptance>()
        .answers::<Condemned>("The outcome is recorded.")
        .problems(&[Code::NotPending, Code::UnknownInstance, Code::ShuttingDown])
        .problems(&DATABASE),
    ]
}

fn views() -> Vec<Operation> {
    vec![
        Operation::get(
            "/api/pool/templates",
            "templates",
            "List the ready-made agents",
        )
        .answers::<Vec<Template>>("The catalogue."),
        Operation::get(
            "/api/pool/templates/:slug",
            "template",
            "Show one ready-made agent",
        )
        .segment::<String>("slug")
        .answers::<Template>("The entry of the catalogue.")
        .problems(&[Code::UnknownTemplate]),
        Operation::get(
            "/api/pool/status",
            "status",
            "Show counts, instances and failing creations",
        )
        .key()
        .answers::<PoolStatus>("The state of the pool.")
        .problems(&DATABASE),
        Operation::get(
            "/api/pool/counts",
            "counts",
            "Count the instances in each status",
        )
        .answers::<Counts>("The counts.")
        .problems(&DATABASE),
        Operation::get("/api/pool/agents", "agents", "List instances by status")
            .key()
            .answers::<Agents>("The instances.")
            .problems(&DATABASE),
        Operation::get(
            "/api/pool/info",
            "info",
            "Show environment, version and tools",
        )
        .answers::<Info>("Environment, version and tools."),
        Operation::get(
            "/api/pool/events",
            "events",
            "Page through the lifecycle log, newest first",
        )
        .key()
        .query::<EventsQuery>()
        .answers::<Events>("A page of the log.")
        .problems(&DATABASE),
        Operation::get("/api/pool/instances/:id", "instance", "Show one instance")
            .key()
            .segment::<InstanceId>("id")
            .answers::<InstanceView>("The instance.")
            .problems(&[Code::UnknownInstance])
            .problems(&DATABASE),
    ]
}

/// The problems of a change of a pool.
const CHANGE: [Code; 3] = [Code::UnknownPool, Code::PoolChanged, Code::PoolInUse];

const POOL: &str = "/api/pool/pools/:name";
const SETTINGS: &str = "/api/pool/settings";

fn pools() -> Vec<Operation> {
    vec![
        Operation::get("/api/pool/pools", "pools", "List the pools")
            .key()
            .answers::<Pools>("The pools, `default` first.")
            .problems(&DATABASE),
        Operation::get(POOL, "pool", "Show one pool")
            .key()
            .segment::<PoolName>("name")
            .answers::<PoolView>("The pool.")
            .problems(&[Code::UnknownPool])
            .problems(&DATABASE),
        Operation::get(
            "/api/pool/pools/:name/versions",
            "pool_versions",
            "List the versions of a pool, newest first",
        )
        .key()
        .segment::<PoolName>("name")
        .answers::<PoolVersions>("The versions, also of a pool that was deleted.")
        .problems(&[Code::UnknownPool])
        .problems(&DATABASE),
        Operation::get(SETTINGS, "settings", "Show the pool `default`")
            .key()
            .answers::<PoolView>("The pool `default`.")
            .problems(&DATABASE),
    ]
}

fn changes_of_pools() -> Vec<Operation> {
    let changed = |operation: Operation| {
        operation
            .key()
            .query::<ChangeQuery>()
            .answers::<PoolView>("The pool as it is now.")
            .problems(&CHANGE)
            .problems(&DATABASE)
    };
    let merge = "Change members of a pool (merge patch, RFC 7396)";
    let settings = "Change target, limit and pause of the pool `default`";
    vec![
        changed(Operation::put(POOL, "put_pool", "Create or replace a pool"))
            .segment::<PoolName>("name")
            .body::<PoolSpec>(),
        changed(Operation::patch(POOL, "patch_pool", merge))
            .segment::<PoolName>("name")
            .body::<PoolSpec>(),
        Operation::delete(POOL, "delete_pool", "Delete a pool")
            .key()
            .segment::<PoolName>("name")
            .query::<DeleteQuery>()
            .answers::<DeletedPool>("It is deleted, and its unclaimed instances are destroyed.")
            .problems(&CHANGE)
            .problems(&DATABASE),
        changed(Operation::patch(SETTINGS, "patch_settings", settings)).body::<Policy>(),
    ]
}

const UPGRADES: &str = "/api/pool/upgrades";

fn rollouts() -> Vec<Operation> {
    vec![
        Operation::post(
            "/api/pool/pools/:name/rollout",
            "change_rollout",
            "Retry or stop the latest roll-out of a pool",
        )
        .key()
        .segment::<PoolName>("name")
        .body::<RolloutRequest>()
        .answers::<PoolView>("The pool as it is now.")
        .problems(&[Code::UnknownPool, Code::NoRollout])
        .problems(&DATABASE),
        Operation::get(
            UPGRADES,
            "upgrades",
            "Show the recipe and the running version of each instance",
        )
        .key()
        .answers::<Upgrades>("The recipes of the pools, and the instances.")
        .problems(&DATABASE),
        Operation::post(
            UPGRADES,
            "upgrade",
            "Upgrade claimed instances to the recipe of their pool",
        )
        .key()
        .body::<UpgradeRequest>()
        .answers::<Affected>("The instances that are to be upgraded.")
        .problems(&[
            Code::UnknownPool,
            Code::UnknownInstance,
            Code::NotClaimed,
            Code::ServicesUnavailable,
            Code::ServicesTimedOut,
            Code::ServicesRefused,
            Code::ServicesFailed,
            Code::ImageNotAllowed,
            Code::ProviderUnconfigured,
            Code::ToolsClash,
            Code::VendorRateLimited,
            Code::VendorUnavailable,
            Code::VendorConflict,
        ])
        .problems(&DATABASE),
    ]
}

fn fleet() -> Vec<Operation> {
    vec![
        Operation::post("/api/pool/replenish", "replenish", "Create instances")
            .key()
            .optional_body::<ReplenishRequest>()
            .answers::<Affected>("The instances that are being created.")
            .problems(&[Code::UnknownPool])
            .problems(&DATABASE),
        Operation::post("/api/pool/drain", "drain", "Destroy idle instances")
            .key()
            .body::<DrainRequest>()
            .answers::<Affected>("The instances that are being destroyed.")
            .problems(&[Code::UnknownPool])
            .problems(&DATABASE),
        Operation::post("/api/pool/reconcile", "reconcile", "Run a tick now")
            .key()
            .answers::<TickReport>("What the tick did.")
            .problems(&[Code::TickTakenOver])
            .problems(&DATABASE),
        Operation::delete(
            "/api/pool/instances/:id",
            "kill",
            "Destroy an instance in any status",
        )
        .key()
        .segment::<InstanceId>("id")
        .answers::<Condemned>("It is being destroyed.")
        .problems(&[Code::UnknownInstance, Code::InstanceProtected])
        .problems(&DATABASE),
        Operation::delete(
            "/api/pool/crashed/:id",
            "dismiss",
            "Destroy a crashed instance",
        )
        .key()
        .segment::<InstanceId>("id")
        .answers::<Condemned>("It is being destroyed.")
        .problems(&[
            Code::UnknownInstance,
            Code::NotCrashed,
            Code::InstanceProtected,
        ])
        .problems(&DATABASE),
    ]
}

const PROTECTION: &str = "/api/pool/instances/:id/protection";

fn protection() -> Vec<Operation> {
    let protection = |operation: Operation| {
        operation
            .key()
            .segment::<InstanceId>("id")
            .answers::<InstanceView>("The instance.")
            .problems(&DATABASE)
    };
    let keep = "Protect an instance: it is not claimed, drained, replaced or killed";
    vec![
        protection(Operation::put(PROTECTION, "protect", keep))
            .problems(&[Code::UnknownInstance, Code::NotProtectable]),
        protection(Operation::delete(
            PROTECTION,
            "unprotect",
            "Lift the protection of an instance",
        ))
        .problems(&[Code::UnknownInstance]),
    ]
}

/// The problems of a change of a tool, from Services and vendors.
const TOOL_CHANGE: [Code; 8] = [
    Code::UnknownInstance,
    Code::UnknownResource,
    Code::InvalidField,
    Code::InstanceBusy,
    Code::Unsupported,
    Code::ServicesUnavailable,
    Code::ServicesTimedOut,
    Code::ServicesRefused,
];

fn costs() -> Vec<Operation> {
    let tool = "Change the options of a tool of an instance, such as its limit";
    vec![
        Operation::get("/api/pool/costs", "costs", "Show what pools cost")
            .key()
            .query::<CostsQuery>()
            .answers::<Costs>("By pool, day, resource and agent.")
            .problems(&[Code::UnknownPool])
            .problems(&DATABASE),
        Operation::patch("/api/pool/instances/:id/tools/:tool", "change_tool", tool)
            .key()
            .segment::<InstanceId>("id")
            .segment::<ToolId>("tool")
            .body::<ToolChange>()
            .answers::<UpdatedTool>("The vendor has accepted them.")
            .problems(&TOOL_CHANGE),
    ]
}

/// The problems with which Services refuses a tool.
const TOOL: [Code; 11] = [
    Code::UnknownTool,
    Code::UnknownInstance,
    Code::InstanceBusy,
    Code::InstanceDestroying,
    Code::InstanceUnfinished,
    Code::ToolsClash,
    Code::ProviderUnconfigured,
    Code::ServicesUnavailable,
    Code::ServicesTimedOut,
    Code::ServicesRefused,
    Code::ServicesFailed,
];

fn tools() -> Vec<Operation> {
    let tool = |operation: Operation| {
        operation
            .key()
            .segment::<InstanceId>("id")
            .segment::<ToolId>("tool")
            .problems(&[Code::ToolNotOnDemand, Code::ShuttingDown])
            .problems(&TOOL)
            .problems(&DATABASE)
    };
    let path = "/api/pool/instances/:id/tools/:tool";
    let add = "Add a tool to an instance, as an operator or as its agent";
    let release = "Release a tool of an instance, as an operator or as its agent";
    vec![
        tool(Operation::post(path, "add_tool", add)).answers::<AddedTool>(
            "The instance has the tool. An agent also receives the variables.",
        ),
        tool(Operation::delete(path, "release_tool", release))
            .answers::<ReleasedTool>("The instance does not have the tool."),
    ]
}

fn explanations() -> Vec<Operation> {
    vec![
        Operation::get(
            "/api/pool/explain/instance/:id",
            "explain_instance",
            "Explain what happened to an instance, in sentences",
        )
        .key()
        .segment::<InstanceId>("id")
        .answers::<Explanation>("The sentences, oldest first.")
        .problems(&[Code::UnknownInstance])
        .problems(&DATABASE),
        Operation::get(
            "/api/pool/explain/pool/:name",
            "explain_pool",
            "Explain the target and the state of a pool, in sentences",
        )
        .key()
        .segment::<PoolName>("name")
        .answers::<Explanation>("The sentences.")
        .problems(&[Code::UnknownPool])
        .problems(&DATABASE),
        Operation::post(
            "/api/pool/simulate",
            "simulate",
            "Replay the claims of a pool under another policy",
        )
        .key()
        .body::<SimulationRequest>()
        .answers::<Simulation>("Hits, waits, idle hours and cost under each policy.")
        .problems(&[Code::UnknownPool, Code::ShuttingDown])
        .problems(&DATABASE),
    ]
}

const WEBHOOKS: &str = "/api/pool/webhooks";

fn webhooks() -> Vec<Operation> {
    vec![
        Operation::get(WEBHOOKS, "webhooks", "List the endpoints of webhooks")
            .key()
            .answers::<Webhooks>("The endpoints, oldest first, without their secrets.")
            .problems(&DATABASE),
        Operation::post(WEBHOOKS, "add_webhook", "Add an endpoint of webhooks")
            .key()
            .body::<NewWebhook>()
            .answers::<CreatedWebhook>("The endpoint. Its secret is shown only here.")
            .problems(&DATABASE),
        Operation::get(
            "/api/pool/webhook-deliveries",
            "webhook_deliveries",
            "Page through the log of deliveries, newest first",
        )
        .key()
        .query::<DeliveriesQuery>()
        .answers::<WebhookDeliveries>("A page of the log.")
        .problems(&DATABASE),
        Operation::post(
            "/api/pool/webhook-deliveries/:id/resend",
            "resend_webhook",
            "Send a message once more",
        )
        .key()
        .segment::<String>("id")
        .answers::<WebhooksQueued>("The message is due now.")
        .problems(&[Code::UnknownWebhook])
        .problems(&DATABASE),
        Operation::delete(
            "/api/pool/webhooks/:id",
            "remove_webhook",
            "Remove an endpoint of webhooks",
        )
        .key()
        .segment::<String>("id")
        .answers::<WebhooksQueued>("The endpoint is removed.")
        .problems(&[Code::UnknownWebhook])
        .problems(&DATABASE),
        Operation::post(
            "/api/pool/webhooks/:id/test",
            "test_webhook",
            "Send a test message to an endpoint",
        )
        .key()
        .segment::<String>("id")
        .answers::<WebhooksQueued>("The message is due now.")
        .problems(&[Code::UnknownWebhook])
        .problems(&DATABASE),
    ]
}
