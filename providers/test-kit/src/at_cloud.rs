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

/// What the conformance suite has to know of one vendor; the rest is the same for all.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    /// The vendor, whose word is the provider's id too.
    pub vendor: Vendor,
    /// The provider's settings besides URL and key.
    pub settings: fn(&FakeCloud) -> Vec<(&'static str, String)>,
    /// The operations of a provision or creation that change something, in their order.
    pub changes: &'static [&'static str],
    /// How many resources are on a page.
    pub page_size: usize,
    /// The instances' things among all that the vendors hold.
    pub held: fn(&CloudState) -> Vec<Held>,
    /// The variables of an instance that are no secrets.
    pub public_env: &'static [&'static str],
}

/// The harness of a provider whose vendor is a cloud of its own. The provider's crate has to be linked.
#[derive(Debug)]
pub struct AtCloud {
    trial: Trial,
    cloud: FakeCloud,
    environment: Environment,
    http: reqwest::Client,
}

impl AtCloud {
    /// Starts the cloud.
    pub async fn start(trial: Trial, options: Options) -> Self {
        let cloud = FakeCloud::start(options).await.unwrap();
        let mut environment = accounts(&cloud);
        for (name, value) in (trial.settings)(&cloud) {
            environment.set(name, value);
        }
        Self {
            trial,
            cloud,
            environment,
            http: http::client().unwrap(),
        }
    }
}

#[async_trait]
impl Harness for AtCloud {
    fn environment(&self) -> Environment {
        self.environment.clone()
    }

    async fn held(&self) -> Vec<Held> {
        (self.trial.held)(&self.cloud.state())
    }

    fn page_size(&self) -> Option<usize> {
        Some(self.trial.page_size)
    }

    fn changes(&self) -> &'static [&'static str] {
        self.trial.changes
    }

    fn removals(&self) -> &'static [&'static str] {
        match self.trial.vendor {
            Vendor::Railway => &["projectDelete", "volumeDelete", "serviceDelete"],
            Vendor::OpenRouter => &["deleteKeys"],
            Vendor::AgentMail => &["inboxes_delete"],
            Vendor::Telnyx => &["DeletePhoneNumber"],
        }
    }

    async fn fault(&self, fault: Fault) -> Result<(), Unsupported> {
        self.cloud.fault(rule(self.trial.vendor, fault));
        Ok(())
    }

    async fn heal(&self) {
        self.cloud.clear_faults();
    }

    /// The cloud reads its connections in the order in which something came: what is asked now, on a
    /// connection of its own, is answered after all that was sent before.
    async fn settle(&self) {
        let state = format!("{}/state", self.cloud.admin_url());
        let asked = self.http.get(state).header("connection", "close");
        asked.send().await.unwrap().bytes().await.unwrap();
    }
}

impl ToolHarness for AtCloud {
    fn registration(&self) -> ToolRegistration {
        registration(self.trial.vendor.word())
    }

    fn public_env(&self) -> &'static [&'static str] {
        self.trial.public_env
    }
}

#[async_trait]
impl InfraHarness for AtCloud {
    fn registration(&self) -> InfraRegistration {
        let mut linked = inventory::iter::<InfraRegistration>.into_iter();
        let ours = linked.find(|one| one.id == self.trial.vendor.word());
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

/// The suite's faults in the cloud's words.
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
