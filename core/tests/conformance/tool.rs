//! A tool provider of the in-memory vendor, and its harness.

use std::sync::Arc;

use agent_pool_core::conformance::{Fault, Harness, Held, ToolHarness, Unsupported};
use agent_pool_core::registry::ToolRegistration;
use agent_pool_core::settings::{Environment, SettingsError};
use agent_pool_core::{
    Context, InstanceId, ListedResource, ProviderError, ProvisionedTool, ResourceId, Secret,
    ToolCapabilities, ToolOptions, ToolProvider, Usage,
};
use async_trait::async_trait;

use crate::account::{Account, describe};
use crate::flaw::Flaw;
use crate::vendor::{KEY, PAGE, Vendor};

const KINDS: [&str; 2] = ["inbox", "filter"];

#[derive(Debug)]
struct Trial(Account);

#[async_trait]
impl ToolProvider for Trial {
    fn capabilities(&self) -> ToolCapabilities {
        ToolCapabilities {
            usage: self.0.has(Flaw::DeclaresTooMuch),
            update: false,
            verify: !self.0.has(Flaw::DeclaresTooLittle),
        }
    }

    async fn provision(
        &self,
        cx: &Context,
        instance: &InstanceId,
        _: &ToolOptions,
    ) -> Result<ProvisionedTool, ProviderError> {
        let again = self
            .0
            .list(cx, KINDS)
            .await?
            .iter()
            .any(|(of, _)| of == instance);
        let inbox = self.0.make(cx, instance, KINDS).await?;
        let mut tool = ProvisionedTool::new(&inbox.id, [("TRIAL_INBOX", Secret::new(&*inbox.id))])?;
        if !(again && self.0.has(Flaw::SecretOnce)) {
            tool.env
                .set("TRIAL_KEY".parse()?, Secret::new(&*inbox.secret));
        }
        if self.0.has(Flaw::NotReady) {
            tool.env.set("TRIAL_KEY".parse()?, Secret::new("pending"));
        }
        if self.0.has(Flaw::ParentsKey) {
            tool.env.set("TRIAL_KEY".parse()?, Secret::new(KEY));
        }
        if self.0.has(Flaw::AnotherVariable) {
            tool.env.set("PATH".parse()?, Secret::new("/"));
        }
        if self.0.has(Flaw::SecretInMetadata) {
            tool = tool.with("answer", inbox.secret);
        }
        if self.0.has(Flaw::HugeMetadata) {
            tool = tool.with("answer", "x".repeat(20_000));
        }
        Ok(tool)
    }

    async fn destroy(
        &self,
        cx: &Context,
        _: &InstanceId,
        resource: &ResourceId,
    ) -> Result<(), ProviderError> {
        self.0.remove(cx, resource.as_str()).await
    }

    async fn list(&self, cx: &Context) -> Result<Vec<ListedResource>, ProviderError> {
        let listed = self.0.list(cx, KINDS).await?.into_iter();
        let listed = listed.map(|(instance, inbox)| {
            Ok(ListedResource {
                resource: inbox.id.parse()?,
                instance,
                created_at: None,
            })
        });
        listed.collect()
    }

    async fn usage(&self, _: &Context, _: &ResourceId) -> Result<Usage, ProviderError> {
        assert!(!self.0.has(Flaw::PanicsInUsage), "no such counter");
        Err(ProviderError::unsupported("usage"))
    }

    async fn verify(&self, cx: &Context) -> Result<(), ProviderError> {
        self.0.call(cx, "verify", |_| Ok(())).await
    }
}

pub(crate) struct AtVendor {
    vendor: Arc<Vendor>,
    flaw: Option<Flaw>,
    fails: bool,
}

impl AtVendor {
    fn new(flaw: Option<Flaw>, fails: bool) -> Self {
        let vendor = Arc::default();
        Self {
            vendor,
            flaw,
            fails,
        }
    }

    pub(crate) fn good() -> Self {
        Self::new(None, true)
    }

    pub(crate) fn with(flaw: Flaw) -> Self {
        Self::new(Some(flaw), true)
    }

    pub(crate) fn without_faults() -> Self {
        Self::new(None, false)
    }
}

#[async_trait]
impl Harness for AtVendor {
    fn environment(&self) -> Environment {
        Environment::from_iter([("TRIAL_API_KEY", KEY)])
    }

    async fn held(&self) -> Vec<Held> {
        self.vendor.held()
    }

    fn page_size(&self) -> Option<usize> {
        Some(PAGE)
    }

    fn changes(&self) -> &'static [&'static str] {
        &KINDS
    }

    async fn fault(&self, fault: Fault) -> Result<(), Unsupported> {
        if !self.fails {
            return Err(Unsupported("this vendor never fails"));
        }
        self.vendor.set_fault(Some(fault));
        Ok(())
    }

    async fn heal(&self) {
        self.vendor.set_fault(None);
    }
}

#[async_trait]
impl ToolHarness for AtVendor {
    fn registration(&self) -> ToolRegistration {
        ToolRegistration {
            id: "trial",
            name: "Trial",
            mode: "per-instance-inbox",
            env_keys: &["TRIAL_KEY", "TRIAL_INBOX"],
            crate_name: "trial",
            settings: describe,
            build: |_| {
                Err(SettingsError::fault(
                    "TRIAL_API_KEY",
                    "needs the vendor in memory",
                ))
            },
        }
    }

    fn build(&self, environment: &Environment) -> Result<Arc<dyn ToolProvider>, SettingsError> {
        let account = Account::build(&self.vendor, self.flaw, environment)?;
        Ok(Arc::new(Trial(account)))
    }

    async fn usable(&self, tool: &ProvisionedTool) -> Option<Result<(), String>> {
        let state = self.vendor.state();
        let key = tool.env.get("TRIAL_KEY").map_or("", Secret::expose);
        let accepted = key == KEY || state.things.iter().any(|thing| thing.secret == key);
        Some(
            accepted
                .then_some(())
                .ok_or_else(|| "the key is not accepted".to_owned()),
        )
    }

    fn public_env(&self) -> &'static [&'static str] {
        &["TRIAL_INBOX"]
    }
}
