//! The behaviour suite that any provider runs, with the faults of the API server's connection.

use std::collections::BTreeMap;
use std::sync::Mutex;

use agent_pool_core::conformance::{self, Fault, Harness, Held, InfraHarness, Unsupported};
use agent_pool_core::registry::InfraRegistration;
use agent_pool_core::settings::Environment;
use agent_pool_core::{EnvVars, InfraHandle, InfraOptions, Secret, runtime};
use async_trait::async_trait;
use fake_cloud::kubernetes::{ClusterOptions, Fate};
use serde_json::{Value, json};

use crate::support::{IMAGE, Lab, deployments};

const PAGE: usize = 3;

#[tokio::test]
async fn every_promise_is_kept() {
    let options = ClusterOptions {
        page_size: PAGE,
        ..ClusterOptions::default()
    };
    let harness = AtCluster {
        lab: Lab::start(options).await,
        volumes: Mutex::default(),
    };
    conformance::infra(&harness).await.assert_ran(&[]);
    assert_eq!(harness.lab.cluster.faults(), Vec::<String>::new());
}

struct AtCluster {
    lab: Lab,
    /// The content of volumes, by the ids of their claims, because the fake stores no files.
    volumes: Mutex<BTreeMap<String, String>>,
}

impl AtCluster {
    fn pod(handle: &InfraHandle) -> String {
        format!("{}-0", handle.service.as_str())
    }

    fn named(&self, plural: &str, name: &str) -> Value {
        let mut objects = self.lab.cluster.objects(plural).into_iter();
        let found = objects.find(|object| object["metadata"]["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {plural}"))
    }

    /// The id of the claim that the running pod has mounted as its data folder.
    fn volume(&self, handle: &InfraHandle) -> String {
        let run = deployments(&self.lab.cluster, handle.service.as_str());
        let folder = &run.last().unwrap().variables[runtime::INSTANCE_DATA_DIR];
        let pod = self.named("pods", &Self::pod(handle));
        let find = |list: &Value, member: &str, value: &str| {
            let mut all = list.as_array().unwrap().iter();
            all.find(|one| one[member] == value).unwrap().clone()
        };
        let mounts = &pod["spec"]["containers"][0]["volumeMounts"];
        let mount = find(mounts, "mountPath", folder);
        let volumes = &pod["spec"]["volumes"];
        let volume = find(volumes, "name", mount["name"].as_str().unwrap());
        let claim = &volume["persistentVolumeClaim"]["claimName"];
        let claim = self.named("persistentvolumeclaims", claim.as_str().unwrap());
        claim["metadata"]["uid"].as_str().unwrap().to_owned()
    }
}

#[async_trait]
impl Harness for AtCluster {
    fn environment(&self) -> Environment {
        self.lab.environment(&[])
    }

    async fn held(&self) -> Vec<Held> {
        let held = self.lab.cluster.held().into_iter();
        held.map(|(kind, name)| Held {
            kind,
            label: name.strip_suffix("-0").unwrap_or(&name).to_owned(),
        })
        .collect()
    }

    fn page_size(&self) -> Option<usize> {
        Some(PAGE)
    }

    fn changes(&self) -> &'static [&'static str] {
        &[
            "PATCH /statefulsets",
            "PATCH /secrets",
            "PATCH /persistentvolumeclaims",
            "PATCH /networkpolicies",
            "PATCH /services",
        ]
    }

    fn removals(&self) -> &'static [&'static str] {
        &["DELETE /statefulsets"]
    }

    async fn fault(&self, fault: Fault) -> Result<(), Unsupported> {
        self.lab.proxy.fault(fault);
        Ok(())
    }

    async fn heal(&self) {
        self.lab.cluster.set_fate(IMAGE, Fate::Runs);
        self.lab.proxy.heal();
    }

    async fn settle(&self) {
        self.lab.proxy.settle().await;
        self.lab.cluster.settle();
    }
}

#[async_trait]
impl InfraHarness for AtCluster {
    fn registration(&self) -> InfraRegistration {
        let mut linked = inventory::iter::<InfraRegistration>.into_iter();
        *linked.find(|one| one.id == "kubernetes").unwrap()
    }

    async fn deployments(&self, handle: &InfraHandle) -> Option<Vec<EnvVars>> {
        let typed = |(name, value): (String, String)| (name.parse().unwrap(), Secret::new(value));
        let runs = deployments(&self.lab.cluster, handle.service.as_str()).into_iter();
        Some(
            runs.map(|run| run.variables.into_iter().map(typed).collect())
                .collect(),
        )
    }

    async fn write_data(&self, handle: &InfraHandle, text: &str) -> Result<(), Unsupported> {
        let volume = self.volume(handle);
        self.volumes.lock().unwrap().insert(volume, text.to_owned());
        Ok(())
    }

    async fn read_data(&self, handle: &InfraHandle) -> Result<Option<String>, Unsupported> {
        let volume = self.volume(handle);
        Ok(self.volumes.lock().unwrap().get(&volume).cloned())
    }

    fn options(&self) -> Option<[InfraOptions; 2]> {
        let options = |mib: u32, millis: u32, disk: &str| {
            let all = json!({
                "memoryMib": mib, "memoryRequestMib": mib / 2,
                "cpuMillis": millis, "cpuRequestMillis": millis / 2,
                "nodeSelector": { "disk": disk }, "runtimeClass": disk,
            });
            serde_json::from_value(all).unwrap()
        };
        Some([options(256, 700, "ssd"), options(320, 800, "nvme")])
    }

    async fn applied_options(&self, handle: &InfraHandle) -> Result<InfraOptions, Unsupported> {
        let pod = self.named("pods", &Self::pod(handle));
        let resources = &pod["spec"]["containers"][0]["resources"];
        let amount = |kind: &str, resource: &str, unit: &str| -> u32 {
            let text = resources[kind][resource].as_str().unwrap();
            text.strip_suffix(unit).unwrap().parse().unwrap()
        };
        let all = json!({
            "memoryMib": amount("limits", "memory", "Mi"),
            "memoryRequestMib": amount("requests", "memory", "Mi"),
            "cpuMillis": amount("limits", "cpu", "m"),
            "cpuRequestMillis": amount("requests", "cpu", "m"),
            "nodeSelector": pod["spec"]["nodeSelector"],
            "runtimeClass": pod["spec"]["runtimeClassName"],
        });
        Ok(serde_json::from_value(all).unwrap())
    }

    fn other_image(&self) -> Result<&'static str, Unsupported> {
        Ok("registry.example/agent:2")
    }

    async fn running_image(&self, handle: &InfraHandle) -> Result<String, Unsupported> {
        let runs = deployments(&self.lab.cluster, handle.service.as_str());
        Ok(runs.last().unwrap().image.clone())
    }

    async fn end(&self, _: &InfraHandle) -> Result<(), Unsupported> {
        self.lab.cluster.set_fate(IMAGE, Fate::Crashes(1, "Error"));
        Ok(())
    }

    async fn write_line(&self, handle: &InfraHandle) -> Result<String, Unsupported> {
        let line = "a line of output".to_owned();
        self.lab.cluster.write_log(&Self::pod(handle), &line);
        Ok(line)
    }
}
