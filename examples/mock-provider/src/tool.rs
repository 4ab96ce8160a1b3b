//! A tool provider.

use std::collections::BTreeMap;
use std::sync::Arc;

use agent_pool_core::settings::{Environment, SettingsError};
use agent_pool_core::{
    Context, EnvVars, InstanceId, ListedResource, ProviderError, ProvisionedTool, ResourceId,
    Secret, ToolOptions, ToolProvider,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::vendor::id;
use crate::{Settings, Vendor};

/// The product of a mock tool.
#[derive(Debug, Clone, Copy)]
pub struct Product {
    /// The variable that an instance gets.
    pub env_key: &'static str,
    /// Its value, from the resource's name.
    value: fn(&str) -> String,
}

/// A key that an agent knows not to be real: it runs offline.
pub const LLM: Product = Product {
    env_key: "OPENROUTER_API_KEY",
    value: |name| format!("sk-or-fake-{name}"),
};

/// A mailbox that nobody can write to.
pub const MAIL: Product = Product {
    env_key: "AGENTMAIL_INBOX_ID",
    value: |name| format!("{name}@mail.invalid"),
};

/// Creates mock tools. They are lost when the process ends.
#[derive(Debug)]
pub struct MockTool {
    product: Product,
    /// When each resource was made, by its name.
    vendor: Vendor<DateTime<Utc>>,
}

impl MockTool {
    /// A provider of `product` whose vendor has nothing yet.
    #[must_use]
    pub fn new(product: Product, settings: &Settings) -> Self {
        let vendor = Vendor::new(settings);
        Self { product, vendor }
    }

    /// Reads the settings and makes the provider.
    ///
    /// # Errors
    /// A variable is malformed.
    pub fn build(
        product: Product,
        environment: &Environment,
    ) -> Result<Arc<dyn ToolProvider>, SettingsError> {
        Ok(Arc::new(Self::new(product, &Settings::read(environment)?)))
    }

    /// The vendor, to make it slow or fail.
    #[must_use]
    pub const fn vendor(&self) -> &Vendor<DateTime<Utc>> {
        &self.vendor
    }
}

#[async_trait]
impl ToolProvider for MockTool {
    async fn provision(
        &self,
        cx: &Context,
        instance: &InstanceId,
        _: &ToolOptions,
    ) -> Result<ProvisionedTool, ProviderError> {
        // The name follows from the instance, so a repeated call finds the existing resource.
        let name = cx.mark().label(instance);
        let make = |made: &mut BTreeMap<_, _>| *made.entry(name.clone()).or_insert_with(Utc::now);
        self.vendor.call(cx, make).await?;
        let value = Secret::new((self.product.value)(&name));
        Ok(ProvisionedTool {
            resource: id(&name)?,
            env: EnvVars::from_iter([(id(self.product.env_key)?, value)]),
            metadata: ToolOptions::new(),
        })
    }

    async fn destroy(
        &self,
        cx: &Context,
        _: &InstanceId,
        resource: &ResourceId,
    ) -> Result<(), ProviderError> {
        // Destroying what no longer exists succeeds.
        let remove = |made: &mut BTreeMap<_, _>| _ = made.remove(resource.as_str());
        self.vendor.call(cx, remove).await
    }

    async fn list(&self, cx: &Context) -> Result<Vec<ListedResource>, ProviderError> {
        let made = self.vendor.call(cx, |made| made.clone()).await?;
        // The vendor may have resources of others; the mark identifies ours.
        let ours = made.into_iter().filter_map(|(name, created_at)| {
            Some(ListedResource {
                instance: cx.mark().instance(&name)?,
                resource: name.parse().ok()?,
                created_at: Some(created_at),
            })
        });
        Ok(ours.collect())
    }
}
