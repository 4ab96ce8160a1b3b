//! Adds tools to a running instance and releases them, on request of an operator or of the agent itself.
//!
//! Services makes and destroys them. The agent gets the variables at once: in the answer if it made the request,
//! otherwise by `POST /pool/variables` of its runtime. A runtime without that route gets them with its next deployment.

use std::collections::BTreeMap;
use std::time::Duration;

use agent_pool_client::CREATE_WITHIN;
use agent_pool_core::wire::pool::{AddedTool, ReleasedTool};
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_core::wire::runtime::Variables;
use agent_pool_core::{EnvName, EnvVars, InstanceId, PoolName, Price, Secret, ToolId, chain};
use agent_pool_service_kit::auth::{ApiKeys, Presented};
use agent_pool_service_kit::db::DbError;
use diesel_async::AsyncConnection;
use tracing::{info, warn};
use url::Url;

use crate::app::App;
use crate::db::costs::{self, Since};
use crate::db::instance_tools::{self, Holder};
use crate::db::pools;
use crate::lifecycle::Cause;
use crate::pools::Plan;
use crate::problem::{from_database, from_services, unknown_instance};
use crate::runtime_keys::{self, KeyedCallError, try_each};

/// Time limit for a runtime to accept variables.
const DELIVER_WITHIN: Duration = Duration::from_secs(10);

/// Who requests a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// May add any tool to any instance.
    Operator,
    /// May add the tools that its pool offers on demand.
    Agent,
}

/// An authorised request about one tool of one instance.
#[derive(Debug)]
pub(crate) struct ToolRequest {
    app: App,
    id: InstanceId,
    tool: ToolId,
    holder: Holder,
    asker: Asker,
}

impl ToolRequest {
    /// Authorises a caller with the key of an operator or of the instance.
    ///
    /// # Errors
    /// 401 for any other key; 403 for a tool that the agent may not request.
    pub(crate) async fn admit(
        app: App,
        id: InstanceId,
        tool: ToolId,
        presented: &Presented,
    ) -> Result<Self, Problem> {
        presented.may_present()?;
        let holder = find(&app, &id).await.map_err(from_database)?;
        let operators = &app.config.http.pool_api_key;
        let sealed = holder.as_ref().and_then(|it| it.runtime_key.as_deref());
        let own = sealed.and_then(|sealed| runtime_keys::own_key(&app, &id, sealed));
        let name = runtime_keys::principal_name(&id);
        let keys = match own {
            Some(key) => operators.and(&ApiKeys::single(name.clone(), key)),
            None => operators.clone(),
        };
        let asker = match presented.verify(&keys)?.name == name {
            true => Asker::Agent,
            false => Asker::Operator,
        };
        let request = Self {
            holder: holder.ok_or_else(|| unknown_instance(&id))?,
            app,
            id,
            tool,
            asker,
        };
        request.check().await?;
        Ok(request)
    }

    /// The request of an operator that is already authorised.
    pub(crate) async fn of_operator(
        app: App,
        id: InstanceId,
        tool: ToolId,
    ) -> Result<Self, Problem> {
        let holder = find(&app, &id).await.map_err(from_database)?;
        Ok(Self {
            holder: holder.ok_or_else(|| unknown_instance(&id))?,
            app,
            id,
            tool,
            asker: Asker::Operator,
        })
    }

    /// An agent may only request the tools that its pool offers on demand.
    async fn check(&self) -> Result<(), Problem> {
        let Self { id, tool, .. } = self;
        if self.asker == Asker::Operator {
            return Ok(());
        }
        let refused = |detail| Err(Problem::new(ProblemCode::ToolNotOnDemand, detail));
        if !self.holder.is_agent {
            let detail = format!("instance {id} is not claimed: only an agent may request tools");
            return refused(detail);
        }
        let offered = load_offered(&self.app, &self.holder.pool).await;
        let offered = offered.map_err(from_database)?;
        if offered.contains(tool) {
            return Ok(());
        }
        let pool = &self.holder.pool;
        let offered: Vec<&str> = offered.iter().map(ToolId::as_str).collect();
        let offered = match offered.as_slice() {
            [] => "nothing".to_owned(),
            offered => offered.join(", "),
        };
        refused(format!(
            "pool {pool} does not offer {tool} on demand, only {offered}: see its demandTools"
        ))
    }

    /// Adds the tool to the instance, unless it has it.
    pub(crate) async fn add(self) -> Result<AddedTool, Problem> {
        let Self { app, id, tool, .. } = &self;
        let tools = std::slice::from_ref(tool);
        let ensured = app.services.ensure_tools(id, tools, CREATE_WITHIN).await;
        let operation = format!("adding {tool} to instance {id}");
        let ensured = ensured.map_err(|error| from_services(&operation, &error))?;
        info!(instance.id = %id, tool.id = %tool, "instance {id} has {tool}");
        note_prices(app, id, &ensured.prices).await;
        if ensured.made.contains(tool) {
            self.log(Cause::ToolAdded).await;
        }
        let variables = ensured.variables;
        let (delivered, variables) = match self.asker {
            Asker::Agent => (true, variables),
            Asker::Operator => (self.deliver(variables).await, EnvVars::new()),
        };
        Ok(AddedTool {
            delivered,
            variables,
            instance_id: self.id,
            tool: self.tool,
        })
    }

    /// Releases the tool of the instance, unless it does not have it.
    pub(crate) async fn release(self) -> Result<ReleasedTool, Problem> {
        let Self { app, id, tool, .. } = &self;
        let removed = app.services.remove_tool(id, tool).await;
        let operation = format!("releasing {tool} of instance {id}");
        let removed = removed.map_err(|error| from_services(&operation, &error))?;
        info!(instance.id = %id, tool.id = %tool, "{tool} of instance {id} is released");
        note_end(app, id, tool).await;
        if removed.removed {
            self.log(Cause::ToolReleased).await;
        }
        let delivered = match self.asker {
            Asker::Agent => true,
            Asker::Operator => self.deliver(blank(removed.variables)).await,
        };
        Ok(ReleasedTool {
            delivered,
            instance_id: self.id,
            tool: self.tool,
        })
    }

    /// The operation has succeeded even if it cannot be logged.
    async fn log(&self, cause: Cause) {
        let Self { app, id, tool, .. } = self;
        let log = async || instance_tools::log(&mut *app.db.conn().await?, id, cause, tool).await;
        if let Err(error) = log().await {
            let error = chain(&error);
            warn!(instance.id = %id, "{} {tool} was not written to the log: {error}", cause.as_str());
        }
    }

    /// Whether the runtime accepted the variables.
    async fn deliver(&self, variables: EnvVars) -> bool {
        let Self { app, id, .. } = self;
        let Some(url) = &self.holder.url else {
            return false;
        };
        let keys = runtime_keys::candidates(app, id, self.holder.runtime_key.as_deref());
        let delivered = deliver(app, id, url, &keys, variables, DELIVER_WITHIN).await;
        if let Err(error) = &delivered {
            let error = chain(error);
            info!(instance.id = %id, "instance {id} gets its variables with its next deployment: {error}");
        }
        delivered.is_ok()
    }
}

async fn find(app: &App, id: &InstanceId) -> Result<Option<Holder>, DbError> {
    instance_tools::find(&mut *app.db.conn().await?, id).await
}

/// The tools that a pool offers on demand.
pub(crate) async fn load_offered(app: &App, pool: &PoolName) -> Result<Vec<ToolId>, DbError> {
    let pool = pools::find(&mut *app.db.conn().await?, pool).await?;
    let settings = &app.config.pool;
    Ok(pool.map_or_else(Vec::new, |pool| Plan::new(&pool, settings).demand_tools))
}

/// Stores what the tools of a claim or of an agent cost from now on. A failure is only logged: the tools exist anyway.
pub(crate) async fn note_prices(app: &App, id: &InstanceId, prices: &BTreeMap<String, Price>) {
    let note = async || {
        let mut conn = app.db.conn().await?;
        let noted =
            conn.transaction(async |conn| costs::insert_prices(conn, id, prices, Since::Now).await);
        noted.await
    };
    if !prices.is_empty() {
        warn_about(id, note().await);
    }
}

/// Stores that a tool no longer costs anything.
pub(crate) async fn note_end(app: &App, id: &InstanceId, tool: &ToolId) {
    let note = async || costs::end_price(&mut *app.db.conn().await?, id, tool.as_str()).await;
    warn_about(id, note().await);
}

fn warn_about(id: &InstanceId, noted: Result<(), DbError>) {
    if let Err(error) = noted {
        let error = chain(&error);
        warn!(instance.id = %id, "the costs of a tool of instance {id} were not stored: {error}");
    }
}

fn blank(names: Vec<EnvName>) -> EnvVars {
    let blank = |name| (name, Secret::new(""));
    names.into_iter().map(blank).collect()
}

/// Delivers variables to the runtime of an instance.
pub(crate) async fn deliver(
    app: &App,
    id: &InstanceId,
    url: &Url,
    keys: &[Secret],
    variables: EnvVars,
    within: Duration,
) -> Result<(), KeyedCallError> {
    let variables = &Variables { variables };
    let call = |key: Secret| async move {
        let runtime = &app.runtime;
        runtime.set_variables(url, &key, variables, within).await
    };
    try_each(id, keys, call).await
}
