//! The providers as the operations use them: by id, each call with a deadline over all its attempts. The
//! layers around every provider enforce it.

mod call_context;
mod infra;
mod recent;
mod sections;
mod tool;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::registry::{LookupError, Registry};
use agent_pool_core::{Context, EnvName, InfraId, Price, ToolId};

use call_context::CallContext;
pub(crate) use infra::Infra;
pub(crate) use recent::{MaxAge, RecentLists};
pub(crate) use sections::SharedSections;
pub(crate) use tool::Tool;

/// Every provider of this build, and the context of their calls.
#[derive(Debug, Clone)]
pub(crate) struct Providers {
    registry: Arc<Registry>,
    calls: CallContext,
    lists: RecentLists,
}

impl Providers {
    /// `limit` is the maximum duration of one call, over all its attempts.
    pub(crate) fn new(registry: Registry, context: Context, limit: Duration) -> Self {
        Self {
            registry: Arc::new(registry),
            calls: CallContext { context, limit },
            lists: RecentLists::default(),
        }
    }

    /// The last list of each infra.
    pub(crate) const fn lists(&self) -> &RecentLists {
        &self.lists
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The context without a deadline: the mark and the HTTP client.
    pub(crate) const fn context(&self) -> &Context {
        &self.calls.context
    }

    /// One tool, if this build has it and it is configured.
    pub(crate) fn tool(&self, id: &ToolId) -> Result<Tool, LookupError> {
        let provider = Arc::clone(self.registry.tool(id)?);
        let main = self.variable_names(id).into_iter().next();
        let main = main.expect("the registry refuses a tool without a well-formed variable");
        Ok(Tool::new(id.clone(), main, provider, self.calls.clone()))
    }

    /// One infra, if this build has it and it is configured.
    pub(crate) fn infra(&self, id: &InfraId) -> Result<Infra, LookupError> {
        let provider = Arc::clone(self.registry.infra(id)?);
        Ok(Infra::new(id.clone(), provider, self.calls.clone()))
    }

    /// The prices of an infra and tools, by id; free ones are absent.
    pub(crate) fn prices<'a>(
        &self,
        infra: &InfraId,
        tools: impl Iterator<Item = &'a ToolId>,
    ) -> BTreeMap<String, Price> {
        let infras = self.registry.infras().filter(|(id, _)| *id == infra);
        let infras = infras.map(|(id, entry)| (id.to_string(), entry.price));
        let mut prices = self.tool_prices(tools);
        prices.extend(infras.filter(|(_, price)| !price.is_free()));
        prices
    }

    /// The prices of tools, by id; free ones are absent.
    pub(crate) fn tool_prices<'a>(
        &self,
        tools: impl Iterator<Item = &'a ToolId>,
    ) -> BTreeMap<String, Price> {
        let tools: BTreeSet<&ToolId> = tools.collect();
        let tools = self.registry.tools().filter(|(id, _)| tools.contains(id));
        let tools = tools.map(|(id, entry)| (id.to_string(), entry.price));
        tools.filter(|(_, price)| !price.is_free()).collect()
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

    /// The names of the variables that a tool sets.
    pub(crate) fn variable_names(&self, id: &ToolId) -> Vec<EnvName> {
        let names = self.variables(id).iter();
        names.filter_map(|name| name.parse().ok()).collect()
    }

    /// The variables that a tool registered.
    fn variables(&self, id: &ToolId) -> &'static [&'static str] {
        let mut tools = self.registry.tools();
        let entry = tools.find(|(known, _)| *known == id);
        entry.map_or(&[], |(_, entry)| entry.registration.env_keys)
    }
}
