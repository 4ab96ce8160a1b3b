//! A provider as the registry builds it, on a fake Railway that can inject faults and be inspected.

use std::sync::Arc;

use agent_pool_core::registry::Registry;
use agent_pool_core::settings::Environment;
use agent_pool_core::{
    Context, CreatedInfra, EnvVars, InfraHandle, InfraProvider, InstanceId, InstanceSpec, Mark,
    ProviderError, Secret, chain,
};
use fake_cloud::{
    Body, Effect, FakeCloud, FaultRule, Options, RailwayOptions, RailwayState, Times, Vendor,
};
use serde_json::{Value, json};

pub(crate) const IMAGE: &str = "ghcr.io/acme/runtime:1";
const RAILWAY: Vendor = Vendor::Railway;

pub(crate) struct Rig {
    pub(crate) cloud: FakeCloud,
    pub(crate) infra: Arc<dyn InfraProvider>,
    pub(crate) cx: Context,
}

/// Where the instances of a rig live.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Shared,
    Own,
}

impl Rig {
    pub(crate) async fn shared() -> Self {
        Self::start(Place::Shared, RailwayOptions::default()).await
    }

    pub(crate) async fn own() -> Self {
        Self::start(Place::Own, RailwayOptions::default()).await
    }

    pub(crate) async fn start(place: Place, railway: RailwayOptions) -> Self {
        let options = Options {
            record: true,
            railway,
            ..Options::default()
        };
        let cloud = FakeCloud::start(options).await.unwrap();
        let infra = infra_of(&cloud, &settings(&cloud, place));
        let cx = Context::new(
            Mark::new(&"test".parse().unwrap()),
            agent_pool_core::http::client().unwrap(),
        );
        Self { cloud, infra, cx }
    }

    /// Another provider on the same cloud.
    pub(crate) fn another(&self, place: Place, pairs: &[(&str, &str)]) -> Arc<dyn InfraProvider> {
        let mut settings = settings(&self.cloud, place);
        for (name, value) in pairs {
            settings.set(*name, *value);
        }
        infra_of(&self.cloud, &settings)
    }

    pub(crate) async fn create(&self, id: &InstanceId) -> Result<CreatedInfra, ProviderError> {
        let spec = InstanceSpec {
            name: "agent".to_owned(),
            ..InstanceSpec::default()
        };
        self.checked(self.infra.create(&self.cx, id, &spec).await)
    }

    pub(crate) async fn created(&self) -> InfraHandle {
        self.create(&InstanceId::generate()).await.unwrap().handle
    }

    pub(crate) async fn destroy(&self, handle: &InfraHandle) -> Result<(), ProviderError> {
        self.checked(self.infra.destroy(&self.cx, handle).await)
    }

    /// The result of a call, after a check that its error names the vendor and no key.
    #[track_caller]
    pub(crate) fn checked<T>(&self, result: Result<T, ProviderError>) -> Result<T, ProviderError> {
        result.inspect_err(|error| {
            let text = format!("{} {error:?}", chain(error));
            let key = &self.cloud.options().railway.tokens.account;
            assert!(
                text.starts_with("railway ") && !text.contains(key),
                "{text}"
            );
        })
    }

    /// Injects a fault into the next request of one operation.
    pub(crate) fn fault(&self, operation: &str, effect: Effect) {
        self.cloud
            .fault(FaultRule::new(RAILWAY, effect).at(operation));
    }

    /// Loses the answer to the next request of one operation, which is carried out.
    pub(crate) fn lose_answer(&self, operation: &str) {
        let cut = FaultRule::new(RAILWAY, Effect::Cut).at(operation);
        self.cloud.fault(cut.after_effect());
    }

    /// Injects a fault into every request of one operation until the faults are cleared.
    pub(crate) fn keep_failing(&self, operation: &str, effect: Effect) {
        let rule = FaultRule::new(RAILWAY, effect).at(operation);
        self.cloud.fault(rule.times(Times::Always));
    }

    pub(crate) fn calls(&self) -> u64 {
        self.cloud.calls_of(RAILWAY)
    }

    pub(crate) fn calls_to(&self, operation: &str) -> u64 {
        self.cloud.calls(RAILWAY, operation)
    }

    pub(crate) fn held(&self) -> RailwayState {
        self.cloud.state().railway
    }

    /// Asserts that Railway holds nothing but the project that existed from the start.
    #[track_caller]
    pub(crate) fn assert_empty(&self) {
        let held = self.held();
        assert_eq!(held.services, []);
        assert_eq!(held.live_volumes(), 0);
        assert_eq!(held.domains, []);
        assert_eq!(held.projects.len(), 1, "{:?}", held.projects);
    }

    /// Railway's answer to a document that does not come from the provider.
    pub(crate) async fn ask(&self, document: &str) -> Value {
        let request = self
            .cx
            .http()
            .post(self.cloud.railway_url())
            .bearer_auth(&self.cloud.options().railway.tokens.account)
            .json(&json!({ "query": document }));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert!(answer.get("errors").is_none(), "{answer}");
        answer["data"].clone()
    }
}

/// A member of the provider's own data in a handle.
pub(crate) fn member<'a>(handle: &'a InfraHandle, name: &str) -> Option<&'a str> {
    handle.data[name].as_str()
}

/// An answer in place of Railway's.
pub(crate) fn raw(status: u16, body: impl ToString) -> Effect {
    Effect::Status {
        status,
        body: Body::Raw(body.to_string()),
        code: None,
        message: None,
        fields: Vec::new(),
        retry_after: None,
    }
}

pub(crate) fn variables<const N: usize>(pairs: [(&str, &str); N]) -> EnvVars {
    let pairs = pairs.into_iter();
    pairs
        .map(|(name, value)| (name.parse().unwrap(), Secret::new(value)))
        .collect()
}

/// Disables retries, so that each call of the provider can be counted.
fn settings(cloud: &FakeCloud, place: Place) -> Environment {
    let mut settings = Environment::default();
    settings.set("RAILWAY_API_TOKEN", &cloud.options().railway.tokens.account);
    settings.set("RAILWAY_API_URL", cloud.railway_url());
    settings.set("RAILWAY_RUNTIME_IMAGE", IMAGE);
    settings.set("RAILWAY_MAX_ATTEMPTS", "1");
    settings.set("RAILWAY_PROJECT_INTERVAL_MS", "0");
    match place {
        Place::Shared => {
            settings.set("RAILWAY_PROJECT_ID", cloud.railway_project_id());
            settings.set("RAILWAY_ENVIRONMENT_ID", cloud.railway_environment_id());
        }
        Place::Own => settings.set("RAILWAY_WORKSPACE_ID", cloud.railway_workspace_id()),
    }
    settings
}

fn infra_of(cloud: &FakeCloud, settings: &Environment) -> Arc<dyn InfraProvider> {
    let registry = Registry::collect(settings).unwrap();
    let found = registry.infra(&"railway".parse().unwrap());
    Arc::clone(found.unwrap_or_else(|error| panic!("{error} at {cloud:?}")))
}
