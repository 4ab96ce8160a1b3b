use std::sync::Arc;

use agent_pool_core::layer::{LayerSettings, layered_tool};
use agent_pool_core::settings::Environment;
use agent_pool_core::{
    Context, InstanceId, Mark, ProviderError, ProvisionedTool, ToolOptions, ToolProvider, http,
};
use fake_cloud::{Effect, FakeCloud, FaultRule, Options, Vendor};

use crate::bad_day::BadDay;
use crate::{OpenApi, registration};

/// One provider without its layers, on a cloud of its own.
#[derive(Debug)]
pub struct Lab {
    /// The vendors.
    pub cloud: FakeCloud,
    /// The provider.
    pub tool: Arc<dyn ToolProvider>,
    /// A context of the environment `dev`.
    pub cx: Context,
    /// An instance.
    pub instance: InstanceId,
    vendor: Vendor,
    environment: Environment,
}

impl Lab {
    /// Starts a cloud and builds the vendor's provider on it, with `settings` besides URLs and keys. The
    /// provider's crate has to be linked.
    pub async fn start(vendor: Vendor, mut options: Options, settings: &[(&str, &str)]) -> Self {
        options.record = true;
        let cloud = FakeCloud::start(options).await.unwrap();
        let environment = environment(&cloud, settings);
        Self {
            tool: (registration(vendor.word()).build)(&environment).unwrap(),
            cx: context("dev"),
            instance: InstanceId::generate(),
            cloud,
            vendor,
            environment,
        }
    }

    /// Another provider with the same settings, as a second replica of the service has.
    #[must_use]
    pub fn second_provider(&self) -> Arc<dyn ToolProvider> {
        (registration(self.vendor.word()).build)(&self.environment).unwrap()
    }

    /// The provider with the layers that the registry puts around it.
    #[must_use]
    pub fn layered(&self) -> Arc<dyn ToolProvider> {
        let id = self.vendor.to_string();
        let own = (registration(&id).settings)();
        let layers = LayerSettings::read_with(&id, &own, &self.environment).unwrap();
        layered_tool(&id.parse().unwrap(), layers, Arc::clone(&self.tool))
    }

    /// Makes the vendor fail once at this operation, before it takes effect.
    pub fn fail_next(&self, operation: &str, effect: Effect) {
        self.cloud
            .fault(FaultRule::new(self.vendor, effect).at(operation));
    }

    /// Loses the next answer to this operation, which takes effect.
    pub fn lose_next_answer(&self, operation: &str) {
        let rule = FaultRule::new(self.vendor, Effect::Cut).at(operation);
        self.cloud.fault(rule.after_effect());
    }

    /// Provisions the lab's instance, without options.
    pub async fn provision(&self) -> Result<ProvisionedTool, ProviderError> {
        self.provision_by(&self.tool, &self.cx).await
    }

    /// Like [`Self::provision`], through the layers.
    pub async fn provision_layered(&self) -> Result<ProvisionedTool, ProviderError> {
        self.provision_by(&self.layered(), &self.cx).await
    }

    pub(crate) async fn provision_on(
        &self,
        day: &BadDay,
    ) -> Result<ProvisionedTool, ProviderError> {
        self.provision_by(&self.tool, &self.context_on(day)).await
    }

    async fn provision_by(
        &self,
        tool: &Arc<dyn ToolProvider>,
        cx: &Context,
    ) -> Result<ProvisionedTool, ProviderError> {
        tool.provision(cx, &self.instance, &ToolOptions::new())
            .await
    }

    /// Destroys a tool of the lab's instance.
    pub async fn destroy(&self, tool: &ProvisionedTool) -> Result<(), ProviderError> {
        self.destroy_resource(tool.resource.as_str()).await
    }

    /// Destroys this resource as one of the lab's instance.
    pub async fn destroy_resource(&self, resource: &str) -> Result<(), ProviderError> {
        let resource = resource.parse().unwrap();
        self.tool.destroy(&self.cx, &self.instance, &resource).await
    }

    pub(crate) async fn destroy_on(
        &self,
        day: &BadDay,
        tool: &ProvisionedTool,
    ) -> Result<(), ProviderError> {
        let cx = self.context_on(day);
        self.tool.destroy(&cx, &self.instance, &tool.resource).await
    }

    fn context_on(&self, day: &BadDay) -> Context {
        day.patience()
            .map_or_else(|| self.cx.clone(), |limit| self.cx.within(limit))
    }

    /// Number of requests for this operation.
    #[must_use]
    pub fn calls(&self, operation: &str) -> u64 {
        self.cloud.calls(self.vendor, operation)
    }

    /// Number of all requests.
    #[must_use]
    pub fn calls_in_all(&self) -> u64 {
        self.cloud.calls_of(self.vendor)
    }

    /// Asserts that the vendor's document describes every request so far.
    pub fn assert_requests_documented(self) {
        assert_eq!(self.cloud.unexpected(), []);
        let Some(document) = OpenApi::load(&self.vendor.to_string()) else {
            return;
        };
        for exchange in self.cloud.exchanges() {
            let faults = document.faults(&exchange);
            assert!(
                faults.is_empty(),
                "{} {}: {faults:#?}",
                exchange.method,
                exchange.path
            );
        }
    }
}

/// A context of this environment.
fn context(environment: &str) -> Context {
    let mark = Mark::new(&environment.parse().unwrap());
    Context::new(mark, http::client().unwrap())
}

fn environment(cloud: &FakeCloud, settings: &[(&str, &str)]) -> Environment {
    let mut environment = accounts(cloud);
    for (name, value) in settings {
        environment.set(*name, *value);
    }
    environment
}

/// The URLs of the vendors, and keys that they accept.
pub(crate) fn accounts(cloud: &FakeCloud) -> Environment {
    let options = cloud.options();
    Environment::from_iter([
        ("OPENROUTER_API_URL", cloud.openrouter_url()),
        (
            "OPENROUTER_MANAGEMENT_KEY",
            options.openrouter.management_keys[0].clone(),
        ),
        ("AGENTMAIL_API_URL", cloud.agentmail_url()),
        ("AGENTMAIL_API_KEY", options.agentmail.api_keys[0].clone()),
        ("TELNYX_API_URL", cloud.telnyx_url()),
        ("TELNYX_API_KEY", options.telnyx.api_keys[0].clone()),
        ("RAILWAY_API_URL", cloud.railway_url()),
        ("RAILWAY_API_TOKEN", options.railway.tokens.account.clone()),
    ])
}
