//! The behaviour suite that any provider runs, on a real engine.

use std::sync::Mutex;

use agent_pool_core::conformance::{self, Fault, Harness, Held, InfraHarness, Unsupported};
use agent_pool_core::registry::InfraRegistration;
use agent_pool_core::settings::Environment;
use agent_pool_core::{EnvVars, InfraHandle, Secret};
use async_trait::async_trait;

use crate::podman::{IMAGE, Podman};

#[tokio::test]
async fn every_promise_is_kept() {
    let Some(podman) = Podman::start().await else {
        return;
    };
    let harness = AtPodman {
        podman,
        deployed: Mutex::default(),
    };
    conformance::infra(&harness).await.assert();
}

struct AtPodman {
    podman: Podman,
    /// Every container that was seen running: instance's name, container's id, variables.
    deployed: Mutex<Vec<(String, String, EnvVars)>>,
}

#[async_trait]
impl Harness for AtPodman {
    fn environment(&self) -> Environment {
        Environment::from_iter([
            ("DOCKER_HOST", self.podman.host().as_str()),
            ("DOCKER_IMAGE", IMAGE),
            ("DOCKER_PULL", "never"),
            ("DOCKER_STOP_GRACE_MS", "0"),
        ])
    }

    async fn held(&self) -> Vec<Held> {
        let podman = &self.podman;
        let held = |kind: &'static str, names: Vec<String>| {
            let ours = names.into_iter().filter(|name| name.starts_with("ap-"));
            ours.map(move |name| Held {
                kind,
                label: name.split('.').next().unwrap().to_owned(),
            })
        };
        let containers = podman.lines(&["ps", "--all", "--format", "{{.Names}}"]);
        let volumes = podman.lines(&["volume", "ls", "--format", "{{.Name}}"]);
        let networks = podman.lines(&["network", "ls", "--format", "{{.Name}}"]);
        held("container", containers)
            .chain(held("volume", volumes))
            .chain(held("network", networks))
            .collect()
    }

    fn page_size(&self) -> Option<usize> {
        None
    }

    async fn fault(&self, _: Fault) -> Result<(), Unsupported> {
        Err(Unsupported("a real engine does not misbehave on request"))
    }
}

#[async_trait]
impl InfraHarness for AtPodman {
    fn registration(&self) -> InfraRegistration {
        let mut linked = inventory::iter::<InfraRegistration>.into_iter();
        *linked.find(|one| one.id == "docker").unwrap()
    }

    /// The suite asks after each deployment, so that no container comes and goes unseen.
    async fn deployments(&self, handle: &InfraHandle) -> Option<Vec<EnvVars>> {
        let name = handle.service.as_str();
        let filter = format!("label=agent-pool.name={name}");
        let running = self
            .podman
            .lines(&["ps", "--filter", &filter, "--format", "{{.ID}}"]);
        let mut deployed = self.deployed.lock().unwrap();
        for id in running {
            if deployed.iter().all(|(_, known, _)| *known != id) {
                let format = "{{json .Config.Env}}";
                let pairs = self.podman.run(&["inspect", "--format", format, &id]);
                let pairs: Vec<String> = serde_json::from_str(&pairs).unwrap();
                let pair = |pair: &String| {
                    let (name, value) = pair.split_once('=')?;
                    Some((name.parse().ok()?, Secret::new(value)))
                };
                let variables = pairs.iter().filter_map(pair).collect();
                deployed.push((name.to_owned(), id, variables));
            }
        }
        let own = deployed.iter().filter(|(instance, ..)| instance == name);
        Some(own.map(|(_, _, variables)| variables.clone()).collect())
    }
}
