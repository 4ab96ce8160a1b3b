//! Tools that an instance gets and gives back while it lives: on a request of an operator, or of the agent itself.
//!
//! Services makes and destroys them. The agent has the variables at once: in the answer if it asks itself, otherwise by
//! `POST /pool/variables` of its runtime. A runtime without that has them from its next deployment on.

use std::time::Duration;

use agent_pool_client::CREATE_WITHIN;
use agent_pool_core::wire::pool::{AddedTool, ReleasedTool};
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_core::wire::runtime::Variables;
use agent_pool_core::{EnvName, EnvVars, InstanceId, PoolName, Secret, ToolId, chain};
use agent_pool_service_kit::auth::{ApiKeys, Presented};
use agent_pool_service_kit::db::DbError;
use tracing::{info, warn};
use url::Url;

use crate::app::App;
use crate::db::instance_tools::{self, Holder};
use crate::db::pools;
use crate::lifecycle::Cause;
use crate::pools::Plan;
use crate::problem::{from_database, from_services, unknown_instance};
use crate::runtime_keys::{self, KeyedCallError, try_each};

/// How long a runtime may take to take variables.
const DELIVER_WITHIN: Duration = Duration::from_secs(10);

/// Who asks for a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// May give any tool to any instance.
    Operator,
    /// The agent of this instance may have the tools that its pool gives on demand.
    Agent,
}

/// A request about one tool of one instance, by somebody who may make it.
#[derive(Debug)]
pub(crate) struct ToolRequest {
    app: App,
    id: InstanceId,
    tool: ToolId,
    holder: Holder,
    asker: Asker,
}

impl ToolRequest {
    /// The request of whoever presents the key of an operator, or that of the instance.
    ///
    /// # Errors
    /// 401 for any other key; 403 for a tool that the agent may not have.
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

    /// The request of an operator whose right is checked already.
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

    /// An agent may only have what its pool gives on demand.
    async fn check(&self) -> Result<(), Problem> {
        let Self { id, tool, .. } = self;
        if self.asker == Asker::Operator {
            return Ok(());
        }
        let refused = |detail| Err(Problem::new(ProblemCode::ToolNotOnDemand, detail));
        if !self.holder.is_agent {
            let detail = format!("instance {id} is no agent: it gets tools once it is claimed");
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
            "pool {pool} does not give {tool} on demand, but {offered}: see its demandTools"
        ))
    }

    /// Gives the instance the tool, unless it has it.
    pub(crate) async fn add(self) -> Result<AddedTool, Problem> {
        let Self { app, id, tool, .. } = &self;
        let tools = std::slice::from_ref(tool);
        let ensured = app.services.ensure_tools(id, tools, CREATE_WITHIN).await;
        let operation = format!("adding {tool} to instance {id}");
        let ensured = ensured.map_err(|error| from_services(&operation, &error))?;
        info!(instance.id = %id, tool.id = %tool, "instance {id} has {tool}");
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

    /// Takes the tool from the instance, unless that is done.
    pub(crate) async fn release(self) -> Result<ReleasedTool, Problem> {
        let Self { app, id, tool, .. } = &self;
        let removed = app.services.remove_tool(id, tool).await;
        let operation = format!("releasing {tool} of instance {id}");
        let removed = removed.map_err(|error| from_services(&operation, &error))?;
        info!(instance.id = %id, tool.id = %tool, "instance {id} does not have {tool}");
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

    /// The tool is there, or gone, whether the log says so or not.
    async fn log(&self, cause: Cause) {
        let Self { app, id, tool, .. } = self;
        let log = async || instance_tools::log(&mut *app.db.conn().await?, id, cause, tool).await;
        if let Err(error) = log().await {
            let error = chain(&error);
            warn!(instance.id = %id, "the log lacks {} {tool}: {error}", cause.as_str());
        }
    }

    /// Whether the runtime has taken the variables.
    async fn deliver(&self, variables: EnvVars) -> bool {
        let Self { app, id, .. } = self;
        let Some(url) = &self.holder.url else {
            return false;
        };
        let keys = runtime_keys::candidates(app, id, self.holder.runtime_key.as_deref());
        let delivered = deliver(app, id, url, &keys, variables, DELIVER_WITHIN).await;
        if let Err(error) = &delivered {
            let error = chain(error);
            info!(instance.id = %id, "instance {id} has its variables after its next deployment: {error}");
        }
        delivered.is_ok()
    }
}

async fn find(app: &App, id: &InstanceId) -> Result<Option<Holder>, DbError> {
    instance_tools::find(&mut *app.db.conn().await?, id).await
}

/// The tools that a pool gives on demand.
pub(crate) async fn load_offered(app: &App, pool: &PoolName) -> Result<Vec<ToolId>, DbError> {
    let pool = pools::find(&mut *app.db.conn().await?, pool).await?;
    let settings = &app.config.pool;
    Ok(pool.map_or_else(Vec::new, |pool| Plan::new(&pool, settings).demand_tools))
}

fn blank(names: Vec<EnvName>) -> EnvVars {
    let blank = |name| (name, Secret::new(""));
    names.into_iter().map(blank).collect()
}

/// Gives the runtime of an instance variables.
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
