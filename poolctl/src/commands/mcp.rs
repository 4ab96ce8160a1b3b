//! `poolctl mcp`: the pool as tools for a language model, by the Model Context Protocol.

use std::fmt::Display;

use agent_pool_client::{CallError, ClaimOrder};
use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{
    ClaimOutcome, ClaimRequest, Claimed, Condemned, InstanceView, LifecycleEvent, PendingClaim,
    PoolStatus, Status,
};
use clap::Args;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{Implementation, ServerCapabilities, ServerConfig};
use rmcp::{Json, ServerHandler, ServiceExt as _, tool, tool_handler, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::{Failure, reason};

/// Number of events shown per instance.
const MOST_MOVES: u16 = 50;

/// Offer the pool to a language model: list, show, claim and kill as MCP tools on stdin and stdout
///
/// For the configuration of an MCP host, such as `{"command": "poolctl", "args": ["mcp"], "env": {"POOL_URL": "…",
/// "POOL_API_KEY": "…"}}`. With a read-only key the model cannot change anything.
#[derive(Debug, Args)]
pub(crate) struct Mcp {}

impl Mcp {
    /// Serves until the host closes stdin.
    pub(crate) async fn run(self, target: Target) -> Result<Exit, Failure> {
        let tools = Tools {
            target,
            router: Tools::tool_router(),
        };
        let session = tools.serve(rmcp::transport::stdio()).await;
        let session = session.map_err(|error| failed(&error))?;
        session.waiting().await.map_err(|error| failed(&error))?;
        Ok(Exit::Done)
    }
}

fn failed(error: &dyn Display) -> Failure {
    Failure::new(
        Exit::Failed,
        "mcp_failed",
        format!("the MCP session failed: {error}"),
    )
}

/// The MCP tools, and the pool that they use.
#[derive(Debug, Clone)]
struct Tools {
    target: Target,
    router: ToolRouter<Self>,
}

/// Which instances to list.
#[derive(Debug, Deserialize, JsonSchema)]
struct ListParameters {
    /// Only instances in this status.
    #[serde(default)]
    status: Option<Status>,
}

/// The instance of a call.
#[derive(Debug, Deserialize, JsonSchema)]
struct OneInstance {
    /// The instance.
    instance_id: InstanceId,
}

/// What to claim.
#[derive(Debug, Deserialize, JsonSchema)]
struct ClaimParameters {
    #[serde(flatten)]
    request: ClaimRequest,
    /// Seconds to wait if no instance is idle: 0 to 300.
    #[serde(default)]
    #[schemars(extend("maximum" = 300))]
    wait_seconds: u16,
}

/// The result of a claim: exactly one of both is present.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ClaimAnswer {
    /// The agent is in its conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    claimed: Option<Claimed>,
    /// A person must still accept the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending: Option<PendingClaim>,
}

/// One instance and its history.
#[derive(Debug, Serialize, JsonSchema)]
struct Shown {
    /// The instance.
    instance: InstanceView,
    /// Its events, newest first.
    events: Vec<LifecycleEvent>,
}

#[tool_router(router = tool_router)]
impl Tools {
    #[tool(
        description = "List the instances of the pool, with counts by status and the causes of failed creations",
        annotations(read_only_hint = true)
    )]
    async fn list(
        &self,
        Parameters(ListParameters { status }): Parameters<ListParameters>,
    ) -> Result<Json<PoolStatus>, String> {
        let pool = self.target.pool.status().await;
        let mut pool = pool.map_err(|error| refused("list", &error))?;
        if let Some(status) = status {
            pool.instances.retain(|it| it.status == status);
        }
        Ok(Json(pool))
    }

    #[tool(
        description = "Show one instance and its history",
        annotations(read_only_hint = true)
    )]
    async fn show(
        &self,
        Parameters(OneInstance { instance_id }): Parameters<OneInstance>,
    ) -> Result<Json<Shown>, String> {
        let pool = &self.target.pool;
        let (instance, events) = tokio::join!(
            pool.instance(&instance_id),
            pool.events(Some(&instance_id), None, MOST_MOVES)
        );
        Ok(Json(Shown {
            instance: instance.map_err(|error| refused("show", &error))?,
            events: events.map_err(|error| refused("show", &error))?.events,
        }))
    }

    #[tool(
        description = "Claim an idle instance: it becomes an agent in a conversation, reached by its inviteUrl",
        annotations(
            read_only_hint = false,
            destructive_hint = false,
            idempotent_hint = false
        )
    )]
    async fn claim(
        &self,
        Parameters(ClaimParameters {
            request,
            wait_seconds,
        }): Parameters<ClaimParameters>,
    ) -> Result<Json<ClaimAnswer>, String> {
        let order = ClaimOrder {
            request,
            wait: wait_seconds,
            // With a key, so that a lost answer does not cost a second instance.
            idempotency_key: Some(nanoid::nanoid!()),
        };
        let outcome = self.target.pool.claim(&order).await;
        let answer = match outcome.map_err(|error| refused("claim", &error))? {
            ClaimOutcome::Claimed(claimed) => ClaimAnswer {
                claimed: Some(claimed),
                ..ClaimAnswer::default()
            },
            ClaimOutcome::Pending(pending) => ClaimAnswer {
                pending: Some(pending),
                ..ClaimAnswer::default()
            },
        };
        Ok(Json(answer))
    }

    #[tool(
        description = "Destroy an instance and everything provisioned for it. This cannot be undone",
        annotations(
            read_only_hint = false,
            destructive_hint = true,
            idempotent_hint = true
        )
    )]
    async fn kill(
        &self,
        Parameters(OneInstance { instance_id }): Parameters<OneInstance>,
    ) -> Result<Json<Condemned>, String> {
        let condemned = self.target.pool.kill(&instance_id).await;
        Ok(Json(condemned.map_err(|error| refused("kill", &error))?))
    }
}

#[tool_handler(router = self.router)]
impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        let mut config = ServerConfig::new(capabilities).with_instructions(
            "A pool of warm agent instances. Claim one to get an agent that people reach by its inviteUrl; kill it when \
             it is no longer needed.",
        );
        config.server_info = Implementation::new("poolctl", env!("CARGO_PKG_VERSION"));
        config
    }
}

/// The text for the model.
fn refused(doing: &str, error: &CallError) -> String {
    format!("cannot {doing}: {}", reason(error))
}
