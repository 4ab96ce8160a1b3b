//! The providers as the operations use them: by id, each call with a deadline over all its attempts,
//! which the layers around every provider keep.

mod infra;
mod sections;
mod tool;

use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::registry::{LookupError, Registry};
use agent_pool_core::{Context, InfraId, ToolId};

pub(crate) use infra::Infra;
pub(crate) use sections::SharedSections;
pub(crate) use tool::Tool;

/// Every provider of this build, with the surroundings of their calls.
#[derive(Debug, Clone)]
pub(crate) struct Vendors {
    registry: Arc<Registry>,
    context: Context,
    limit: Duration,
}

impl Vendors {
    /// `limit` is the longest that one call may take.
    pub(crate) fn new(registry: Registry, context: Context, limit: Duration) -> Self {
        Self {
            registry: Arc::new(registry),
            context,
            limit,
        }
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The context without a deadline: the mark and the HTTP client.
    pub(crate) const fn context(&self) -> &Context {
        &self.context
    }

    /// One tool, if this build has it and it is configured.
    pub(crate) fn tool(&self, id: &ToolId) -> Result<Tool, LookupError> {
        let provider = Arc::clone(self.registry.tool(id)?);
        let main = self.variables(id).first();
        let main = main.and_then(|name| name.parse().ok());
        let main = main.expect("the registry refuses a tool without a well-formed variable");
        let surroundings = self.surroundings();
        Ok(Tool::new(id.clone(), main, provider, surroundings))
    }

    /// One infra, if this build has it and it is configured.
    pub(crate) fn infra(&self, id: &InfraId) -> Result<Infra, LookupError> {
        let provider = Arc::clone(self.registry.infra(id)?);
        Ok(Infra::new(id.clone(), provider, self.surroundings()))
    }

    /// Every tool that is configured.
    pub(crate) fn tools(&self) -> impl Iterator<Item = Tool> {
        let ids = self.registry.tools().map(|(id, _)| id);
        ids.filter_map(|id| self.tool(id).ok())
    }

    /// Every infra that is configured.
    pub(crate) fn infras(&self) -> impl Iterator<Item = Infra> {
        let ids = self.registry.infras().map(|(id, _)| id);
        ids.filter_map(|id| self.infra(id).ok())
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings {
            context: self.context.clone(),
            limit: self.limit,
        }
    }

    /// The variables that a tool registered.
    fn variables(&self, id: &ToolId) -> &'static [&'static str] {
        let mut tools = self.registry.tools();
        let entry = tools.find(|(known, _)| *known == id);
        entry.map_or(&[], |(_, entry)| entry.registration.env_keys)
    }
}

/// What every call of one provider is given.
#[derive(Debug, Clone)]
struct Surroundings {
    context: Context,
    limit: Duration,
}

impl Surroundings {
    /// The context of a call that begins now.
    fn now(&self) -> Context {
        self.context.within(self.limit)
    }
}
