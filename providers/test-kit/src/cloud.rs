use agent_pool_core::conformance::{
    Fault, Harness, Held, InfraHarness, RetryAfter, ToolHarness, Unsupported,
};
use agent_pool_core::registry::{InfraRegistration, ToolRegistration};
use agent_pool_core::settings::Environment;
use agent_pool_core::{EnvVars, InfraHandle, Secret, http};
use async_trait::async_trait;
use chrono::Utc;
use fake_cloud::{CloudState, Effect, FakeCloud, FaultRule, Options, Times, Vendor};
use serde_json::Value;

use crate::lab::accounts;
use crate::registration;

/// What the conformance suite needs to know about one vendor of fake-cloud.
#[derive(Debug, Clone, Copy)]
pub struct CloudVendor {
    /// The vendor; its word is also the provider's id.
    pub vendor: Vendor,
    /// The provider's settings other than URL and key.
    pub settings: fn(&FakeCloud) -> Vec<(&'static str, String)>,
    /// The operations of a provision or creation that change something, in order.
    pub changes: &'static [&'static str],
    /// How many resources are on a page.
    pub page_size: usize,
    /// Those resources of the vendors that belong to instances.
    pub held: fn(&CloudState) -> Vec<Held>,
    /// The instance's variables that are not secret.
    pub public_env: &'static [&'static str],
}

/// The harness of a provider on a fake-cloud of its own. The test must name the provider's crate to link it.
#[derive(Debug)]
pub struct CloudHarness {
    case: CloudVendor,
    cloud: FakeCloud,
    environment: Environment,
    http: reqwest::Client,
}

impl CloudHarness {
    /// Starts the cloud.
    pub async fn start(case: CloudVendor, options: Options) -> Self {
        let cloud = FakeCloud::start(options).await.unwrap();
        let mut environment = accounts(&cloud);
        for (name, value) in (case.settings)(&cloud) {
            environment.set(name, value);
        }
        Self {
            case,
            cloud,
            environment,
            http: http::client().unwrap(),
        }
    }
}

#[async_trait]
impl Harness for CloudHarness {
    fn environment(&self) -> Environment {
        self.environment.clone()
    }

    async fn held(&self) -> Vec<Held> {
        (self.case.held)(&self.cloud.state())
    }

    fn page_size(&self) -> Option<usize> {
        Some(self.case.page_size)
    }

    fn changes(&self) -> &'static [&'static str] {
        self.case.changes
    }

    fn removals(&self) -> &'static [&'static str] {
        match self.case.vendor {
            Vendor::Railway => &["projectDelete", "volumeDelete", "serviceDelete"],
            Vendor::OpenRouter => &["deleteKeys"],
            Vendor::AgentMail => &["inboxes_delete"],
            Vendor::Telnyx => &["DeletePhoneNumber"],
        }
    }

    async fn fault(&self, fault: Fault) -> Result<(), Unsupported> {
        self.cloud.fault(rule(self.case.vendor, fault));
        Ok(())
    }

    async fn heal(&self) {
        self.cloud.clear_faults();
    }

    /// The cloud reads connections in the order of their data, so a request on a new connection is answered after all
    /// earlier ones.
    async fn settle(&self) {
        let state = format!("{}/state", self.cloud.admin_url());
        let request = self.http.get(state).header("connection", "close");
        request.send().await.unwrap().bytes().await.unwrap();
    }
}

impl ToolHarness for CloudHarness {
    fn registration(&self) -> ToolRegistration {
        registration(self.case.vendor.word())
    }

    fn public_env(&self) -> &'static [&'static str] {
        self.case.public_env
    }
}

#[async_trait]
impl InfraHarness for CloudHarness {
    fn registration(&self) -> InfraRegistration {
        let mut linked = inventory::iter::<InfraRegistration>.into_iter();
        let ours = linked.find(|one| one.id == self.case.vendor.word());
        *ours.expect("the provider's crate is linked")
    }

    fn data_of_unknown(&self, mut data: Value) -> Value {
        if let Some(members) = data.as_object_mut() {
            members.remove("volumeId");
        }
        data
    }

    async fn deployments(&self, handle: &InfraHandle) -> Option<Vec<EnvVars>> {
        let all = self.cloud.state().railway.deployments.into_iter();
        let own = all.filter(|one| one.service_id == handle.service.as_str());
        let typed = |(name, value): (String, String)| (name.parse().unwrap(), Secret::new(value));
        let variables = own.map(|one| one.variables.into_iter().map(typed).collect());
        Some(variables.collect())
    }
}

/// The fake-cloud rule for a fault of the suite.
fn rule(vendor: Vendor, fault: Fault) -> FaultRule {
    let effect = match fault {
        Fault::LostAnswer(operation) => {
            let lost = FaultRule::new(vendor, Effect::Cut).at(operation);
            return lost.after_effect();
        }
        Fault::RateLimited(RetryAfter::Seconds(seconds)) => {
            Effect::rate_limited(fake_cloud::RetryAfter::Seconds(seconds))
        }
        Fault::RateLimited(RetryAfter::Date(at)) => {
            let left = (at - Utc::now()).to_std().unwrap_or_default();
            Effect::rate_limited(fake_cloud::RetryAfter::DateInSeconds(left.as_secs()))
        }
        Fault::Unavailable => Effect::status(500),
        Fault::Cut => Effect::Cut,
        Fault::Hang => Effect::Hang,
        Fault::NotJson => Effect::html(200),
    };
    FaultRule::new(vendor, effect).times(Times::Always)
}
