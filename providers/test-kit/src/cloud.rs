use std::collections::BTreeMap;
use std::sync::Mutex;

use agent_pool_core::conformance::{
    Fault, Harness, Held, InfraHarness, RetryAfter, ToolHarness, Unsupported,
};
use agent_pool_core::registry::{InfraRegistration, ToolRegistration};
use agent_pool_core::settings::Environment;
use agent_pool_core::{EnvVars, InfraHandle, InfraOptions, ProvisionedTool, Secret, http, runtime};
use async_trait::async_trait;
use chrono::Utc;
use fake_cloud::{
    CloudState, Effect, FakeCloud, FaultRule, Options, RailwayDeployment, RailwayService, Times,
    Vendor,
};
use serde_json::{Value, json};

use crate::lab::accounts;
use crate::registration;

/// The values that the conformance suite needs for one vendor of fake-cloud.
#[derive(Debug, Clone, Copy)]
pub struct CloudVendor {
    /// The vendor; its name is also the provider's id.
    pub vendor: Vendor,
    /// The provider's settings other than URL and key.
    pub settings: fn(&FakeCloud) -> Vec<(&'static str, String)>,
    /// The operations of a provision or creation that change something, in order.
    pub changes: &'static [&'static str],
    /// Number of resources on a page.
    pub page_size: usize,
    /// The resources at the vendors that belong to instances.
    pub held: fn(&CloudState) -> Vec<Held>,
    /// Whether an instance can use the tool; `None` for an infra.
    pub usable: fn(&CloudState, &ProvisionedTool) -> Option<Result<(), String>>,
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
    /// The content of Railway's volumes, by their ids, because the fake stores no files.
    volumes: Mutex<BTreeMap<String, String>>,
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
            volumes: Mutex::default(),
        }
    }

    /// The variables of each deployment of a service, oldest first, and its image.
    fn deployed(&self, handle: &InfraHandle) -> Vec<RailwayDeployment> {
        let mut all = self.cloud.state().railway.deployments;
        all.retain(|one| one.service_id == handle.service.as_str());
        all
    }

    /// The id of the volume that an instance has now as its data folder.
    fn volume(&self, handle: &InfraHandle) -> Option<String> {
        let deployed = self.deployed(handle);
        let folder = deployed.last()?.variables.get(runtime::INSTANCE_DATA_DIR)?;
        let volumes = self.cloud.state().railway.volumes.into_iter();
        let mut kept = volumes.filter(|volume| !volume.pending_deletion);
        let own = kept.find(|volume| {
            let mut mounts = volume.service_ids.iter().zip(&volume.mount_paths);
            mounts.any(|(service, path)| service == handle.service.as_str() && path == folder)
        });
        own.map(|volume| volume.id)
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

#[async_trait]
impl ToolHarness for CloudHarness {
    fn registration(&self) -> ToolRegistration {
        registration(self.case.vendor.word())
    }

    async fn usable(&self, tool: &ProvisionedTool) -> Option<Result<(), String>> {
        (self.case.usable)(&self.cloud.state(), tool)
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
        let own = self.deployed(handle).into_iter();
        let typed = |(name, value): (String, String)| (name.parse().unwrap(), Secret::new(value));
        let variables = own.map(|one| one.variables.into_iter().map(typed).collect());
        Some(variables.collect())
    }

    async fn write_data(&self, handle: &InfraHandle, text: &str) -> Result<(), Unsupported> {
        let volume = self.volume(handle);
        let volume = volume.ok_or(Unsupported("no volume is mounted as its data folder"))?;
        self.volumes.lock().unwrap().insert(volume, text.to_owned());
        Ok(())
    }

    async fn read_data(&self, handle: &InfraHandle) -> Result<Option<String>, Unsupported> {
        let volumes = self.volumes.lock().unwrap();
        let volume = self.volume(handle);
        Ok(volume.and_then(|volume| volumes.get(&volume).cloned()))
    }

    fn options(&self) -> Option<[InfraOptions; 2]> {
        let options = |memory: u32, vcpu: f64| {
            InfraOptions::from_iter([
                ("memoryMb".to_owned(), json!(memory)),
                ("vcpu".to_owned(), json!(vcpu)),
            ])
        };
        Some([options(700, 0.5), options(800, 1.5)])
    }

    async fn applied_options(&self, handle: &InfraHandle) -> Result<InfraOptions, Unsupported> {
        let last = self.deployed(handle).pop();
        let limits = last.ok_or(Unsupported("nothing is deployed"))?.limits;
        let megabytes = limits["memoryBytes"]
            .as_u64()
            .map(|bytes| bytes / 1_000_000);
        Ok(InfraOptions::from_iter([
            ("memoryMb".to_owned(), json!(megabytes)),
            ("vcpu".to_owned(), limits["cpu"].clone()),
        ]))
    }

    fn other_image(&self) -> Result<&'static str, Unsupported> {
        Ok("ghcr.io/acme/runtime:2")
    }

    async fn running_image(&self, handle: &InfraHandle) -> Result<String, Unsupported> {
        Ok(self.deployed(handle).pop().unwrap().image)
    }

    async fn end(&self, handle: &InfraHandle) -> Result<(), Unsupported> {
        let services = self.cloud.state().railway.services;
        let named = |one: &&RailwayService| one.id == handle.service.as_str();
        self.cloud
            .crash_service(&services.iter().find(named).unwrap().name);
        Ok(())
    }

    async fn write_line(&self, handle: &InfraHandle) -> Result<String, Unsupported> {
        let line = "a line of output".to_owned();
        self.cloud.write_log(handle.service.as_str(), &line);
        Ok(line)
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
