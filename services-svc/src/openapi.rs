//! The operations of the Services API. Their order is that of `docs/api.md`.

use agent_pool_core::wire::problem::ProblemCode as Code;
use agent_pool_core::wire::services::{
    ConfigureRequest, CreateInstanceRequest, CreatedInstance, DestroyedInstance, DestroyedTool,
    Done, EnsureToolsRequest, EnsuredTools, InstanceDetails, LocalGrant, Logs, MadeFrom,
    NoticeTaken, ProvisionLocalRequest, ProvisionToolRequest, ProvisionedToolReply, RecipeRequest,
    RegistryReply, RemovedTool, StatusBatch, StatusBatchRequest, SweepReport, SweepRequest,
    UpdateToolRequest, UpdatedTool, UpgradedInstance, UsageBatch, UsageBatchRequest, Version,
};
use agent_pool_core::{InfraId, InstanceId, ResourceId, ToolId};
use agent_pool_service_kit::openapi::{About, Operation, common_operations, document};

use crate::handlers::logs;

const ABOUT: About = About {
    title: "Agent pool: Services",
    version: env!("CARGO_PKG_VERSION"),
    description: "Builds instances out of provider plugins. Pool calls this API; it is not meant for the public.",
};

/// The problems of every operation that uses the database.
const DATABASE: [Code; 4] = [
    Code::DatabaseUnavailable,
    Code::CorruptRow,
    Code::SecretUnreadable,
    Code::InternalError,
];

/// The problems of an operation that starts with finding an instance.
const INSTANCE: [Code; 5] = [
    Code::UnknownInstance,
    Code::InstanceBusy,
    Code::InstanceDestroying,
    Code::InstanceUnfinished,
    Code::InstanceGone,
];

/// The problems of an operation that calls vendors.
const VENDOR: [Code; 14] = [
    Code::UnknownTool,
    Code::UnknownInfra,
    Code::ProviderUnconfigured,
    Code::ShuttingDown,
    Code::VendorUnauthorized,
    Code::VendorRefused,
    Code::VendorNotFound,
    Code::VendorConflict,
    Code::VendorInvalid,
    Code::VendorRateLimited,
    Code::VendorUnavailable,
    Code::VendorProtocol,
    Code::Unsupported,
    Code::ProviderDefect,
];

/// The OpenAPI document of this service.
#[must_use]
pub fn openapi() -> serde_json::Value {
    let operations = [
        life(),
        views(),
        recipes(),
        tools_of_instances(),
        tools(),
        notices(),
        common_operations(),
    ]
    .concat();
    document(&ABOUT, &operations)
}

fn life() -> Vec<Operation> {
    vec![
        Operation::post(
            "/create-instance",
            "create_instance",
            "Create an instance with its tools",
        )
        .key()
        .body::<CreateInstanceRequest>()
        .answers::<CreatedInstance>("All resources are made, and the instance is being deployed.")
        .problems(&[
            Code::ImageNotAllowed,
            Code::InstanceLimit,
            Code::EnvironmentTaken,
            Code::OtherTools,
            Code::ToolsClash,
        ])
        .problems(&INSTANCE)
        .problems(&VENDOR)
        .problems(&DATABASE),
        Operation::delete(
            "/destroy/:instanceId",
            "destroy_instance",
            "Destroy an instance and everything it has",
        )
        .key()
        .segment::<InstanceId>("instanceId")
        .answers::<DestroyedInstance>("The instance is destroyed.")
        .problems(&[Code::DestroyIncomplete])
        .problems(&INSTANCE)
        .problems(&VENDOR)
        .problems(&DATABASE),
        Operation::post(
            "/configure/:instanceId",
            "configure_instance",
            "Set variables of an instance",
        )
        .key()
        .segment::<InstanceId>("instanceId")
        .body::<ConfigureRequest>()
        .answers::<Done>("The variables are set.")
        .problems(&INSTANCE)
        .problems(&VENDOR)
        .problems(&DATABASE),
        Operation::post(
            "/redeploy/:instanceId",
            "redeploy_instance",
            "Deploy an instance again",
        )
        .key()
        .segment::<InstanceId>("instanceId")
        .answers::<Done>("The instance is being deployed.")
        .problems(&INSTANCE)
        .problems(&VENDOR)
        .problems(&DATABASE),
    ]
}

fn views() -> Vec<Operation> {
    vec![
        Operation::get(
            "/instances/:instanceId",
            "instance_details",
            "Show what an instance has",
        )
        .key()
        .segment::<InstanceId>("instanceId")
        .answers::<InstanceDetails>("Infra, tools and document, without secrets.")
        .problems(&[Code::UnknownInstance])
        .problems(&DATABASE),
        Operation::post(
            "/status/batch",
            "status_batch",
            "Show deploy status and health of instances",
        )
        .key()
        .optional_body::<StatusBatchRequest>()
        .answers::<StatusBatch>("The instances.")
        .problems(&[Code::InstanceGone])
        .problems(&VENDOR)
        .problems(&DATABASE),
        Operation::post(
            "/usage/batch",
            "usage_batch",
            "Show what the tools of instances have used",
        )
        .key()
        .body::<UsageBatchRequest>()
        .answers::<UsageBatch>("By instance and tool; unknown values are absent.")
        .problems(&DATABASE),
        Operation::get("/registry", "registry", "List the providers of this build")
            .key()
            .answers::<RegistryReply>("The providers."),
        Operation::get("/version", "version", "Show version and commit")
            .answers::<Version>("Version and commit."),
        Operation::get(
            "/logs/:instanceId",
            "instance_logs",
            "Show the end of an instance's log",
        )
        .key()
        .segment::<InstanceId>("instanceId")
        .query::<logs::Query>()
        .answers::<Logs>("The last lines, oldest first.")
        .problems(&INSTANCE)
        .problems(&VENDOR)
        .problems(&DATABASE),
        Operation::post("/sweep", "sweep", "Compare what vendors have with our rows")
            .key()
            .optional_body::<SweepRequest>()
            .answers::<SweepReport>("The findings, and what was done.")
            .problems(&[Code::SweepRunning, Code::ShuttingDown])
            .problems(&DATABASE),
        Operation::get("/sweep", "last_sweep", "Show the report of the last sweep")
            .key()
            .answers::<SweepReport>("The report.")
            .problems(&[Code::NotSwept])
            .problems(&DATABASE),
    ]
}

fn update_of_tool() -> Operation {
    Operation::patch(
        "/provision/:instanceId/:toolId",
        "update_tool",
        "Change the options of a tool that an instance has",
    )
    .key()
    .segment::<InstanceId>("instanceId")
    .segment::<ToolId>("toolId")
    .body::<UpdateToolRequest>()
    .answers::<UpdatedTool>("The vendor has accepted them.")
    .problems(&[Code::UnknownResource])
    .problems(&INSTANCE)
    .problems(&VENDOR)
    .problems(&DATABASE)
}

fn recipes() -> Vec<Operation> {
    vec![
        Operation::post(
            "/recipe",
            "recipe",
            "Show the recipe from which an instance would be made now",
        )
        .key()
        .optional_body::<RecipeRequest>()
        .answers::<MadeFrom>("The recipe, without values of variables.")
        .problems(&[Code::ImageNotAllowed, Code::ToolsClash])
        .problems(&VENDOR)
        .problems(&DATABASE),
        Operation::post(
            "/upgrade/:instanceId",
            "upgrade_instance",
            "Upgrade an instance to a recipe, keeping its volume",
        )
        .key()
        .segment::<InstanceId>("instanceId")
        .optional_body::<RecipeRequest>()
        .answers::<UpgradedInstance>(
            "The instance has the recipe, and is being deployed if it had another one.",
        )
        .problems(&[
            Code::ImageNotAllowed,
            Code::OtherInfra,
            Code::AlreadyProvisioned,
            Code::ToolsClash,
        ])
        .problems(&INSTANCE)
        .problems(&VENDOR)
        .problems(&DATABASE),
    ]
}

fn tools_of_instances() -> Vec<Operation> {
    vec![
        Operation::put(
            "/instances/:instanceId/tools",
            "ensure_tools",
            "Add the tools that an instance lacks",
        )
        .key()
        .segment::<InstanceId>("instanceId")
        .body::<EnsureToolsRequest>()
        .answers::<EnsuredTools>(
            "The instance has the tools. The answer has their variables, with secrets.",
        )
        .problems(&[Code::ToolsClash])
        .problems(&INSTANCE)
        .problems(&VENDOR)
        .problems(&DATABASE),
        Operation::delete(
            "/instances/:instanceId/tools/:toolId",
            "remove_tool",
            "Release a tool of an instance, whichever resource it has",
        )
        .key()
        .segment::<InstanceId>("instanceId")
        .segment::<ToolId>("toolId")
        .answers::<RemovedTool>("The instance does not have the tool.")
        .problems(&INSTANCE)
        .problems(&VENDOR)
        .problems(&DATABASE),
    ]
}

fn tools() -> Vec<Operation> {
    vec![
        Operation::post(
            "/provision/:instanceId/:toolId",
            "provision_tool",
            "Add a tool to an instance",
        )
        .key()
        .segment::<InstanceId>("instanceId")
        .segment::<String>("toolId")
        .optional_body::<ProvisionToolRequest>()
        .answers::<ProvisionedToolReply>("The instance has it.")
        .problems(&[Code::AlreadyProvisioned, Code::ToolsClash])
        .problems(&INSTANCE)
        .problems(&VENDOR)
        .problems(&DATABASE),
        update_of_tool(),
        Operation::delete(
            "/destroy/:instanceId/:toolId/:resourceId",
            "destroy_tool",
            "Remove a tool from an instance",
        )
        .key()
        .segment::<InstanceId>("instanceId")
        .segment::<ToolId>("toolId")
        .segment::<ResourceId>("resourceId")
        .answers::<DestroyedTool>("The tool is destroyed.")
        .problems(&[Code::UnknownResource])
        .problems(&INSTANCE)
        .problems(&VENDOR)
        .problems(&DATABASE),
        Operation::post(
            "/provision-local",
            "provision_local",
            "Provision tools for a developer's own machine",
        )
        .key()
        .body::<ProvisionLocalRequest>()
        .answers::<LocalGrant>("The variables to set, with secrets.")
        .problems(&[Code::GrantLimit, Code::ToolsClash])
        .problems(&VENDOR)
        .problems(&DATABASE),
        Operation::delete(
            "/provision-local/:instanceId",
            "destroy_local",
            "Destroy the tools of a developer's machine",
        )
        .key()
        .segment::<InstanceId>("instanceId")
        .answers::<DestroyedInstance>("The tools are destroyed.")
        .problems(&[Code::DestroyIncomplete])
        .problems(&INSTANCE)
        .problems(&VENDOR)
        .problems(&DATABASE),
    ]
}

fn notices() -> Vec<Operation> {
    vec![
        Operation::post(
            "/webhooks/:infra/:secret",
            "take_notice",
            "Receive a webhook of a vendor, as a hint to check",
        )
        .segment::<InfraId>("infra")
        .segment::<String>("secret")
        .body::<serde_json::Value>()
        .answers::<NoticeTaken>(
            "The secret is valid. The vendor is listed again, unless the notice is a duplicate.",
        )
        .problems(&[Code::UnknownRoute]),
    ]
}
