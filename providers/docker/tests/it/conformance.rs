//! The behaviour suite that any provider runs, on a real engine behind a proxy that misbehaves on request.

use std::path::PathBuf;
use std::sync::Mutex;

use agent_pool_core::conformance::{self, Fault, Harness, Held, InfraHarness, Proxy, Unsupported};
use agent_pool_core::registry::InfraRegistration;
use agent_pool_core::settings::Environment;
use agent_pool_core::{EnvVars, InfraHandle, InfraOptions, Secret};
use async_trait::async_trait;
use serde_json::json;
use tempfile::TempDir;

use crate::podman::{IMAGE, OTHER_IMAGE, Podman};

const NOTE: &str = "/data/note";

/// Cases that an engine cannot show, and why.
const CANNOT: &[(&str, &str)] = &[
    ("three_pages", "an engine lists everything in one answer"),
    (
        "wrong_key",
        "an engine has no key: who reaches its socket may use it",
    ),
    ("refused_is_not_gone", "an engine has no key"),
    (
        "rate_limited_seconds",
        "no engine limits its rate, and bollard's errors carry no header",
    ),
    (
        "rate_limited_date",
        "no engine limits its rate, and bollard's errors carry no header",
    ),
];

#[tokio::test]
async fn every_promise_is_kept() {
    let Some(podman) = Podman::start().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine.sock");
    let proxy = Proxy::before_socket(podman.socket(), &socket)
        .await
        .unwrap();
    let harness = AtPodman {
        podman,
        proxy,
        socket,
        _folder: folder,
        deployed: Mutex::default(),
    };
    conformance::infra(&harness).await.assert_ran(CANNOT);
}

struct AtPodman {
    podman: Podman,
    proxy: Proxy,
    socket: PathBuf,
    _folder: TempDir,
    /// Every container that was seen running: instance's name, container's id, variables.
    deployed: Mutex<Vec<(String, String, EnvVars)>>,
}

impl AtPodman {
    /// The running container of an instance.
    fn container(&self, handle: &InfraHandle) -> String {
        let filter = format!("label=agent-pool.name={}", handle.service.as_str());
        self.podman
            .run(&["ps", "--filter", &filter, "--format", "{{.ID}}"])
    }

    fn inside(&self, handle: &InfraHandle, command: &str) -> String {
        let container = self.container(handle);
        self.podman
            .run(&["exec", &container, "/bin/sh", "-c", command])
    }
}

#[async_trait]
impl Harness for AtPodman {
    fn environment(&self) -> Environment {
        let host = format!("unix://{}", self.socket.display());
        let mut environment = Environment::from_iter([
            ("DOCKER_HOST", host.as_str()),
            ("DOCKER_IMAGE", IMAGE),
            ("DOCKER_PULL", "never"),
            ("DOCKER_STOP_GRACE_MS", "0"),
            ("DOCKER_USER", "1000:1000"),
            ("DOCKER_RESTART_MAX", "0"),
        ]);
        for (name, value) in self.podman.ports() {
            environment.set(name, value);
        }
        environment
    }

    async fn held(&self) -> Vec<Held> {
        let held = self.podman.held().into_iter();
        let held = held.map(|(kind, name)| Held {
            kind,
            label: name.split('.').next().unwrap().to_owned(),
        });
        held.collect()
    }

    fn page_size(&self) -> Option<usize> {
        None
    }

    fn changes(&self) -> &'static [&'static str] {
        &[
            "POST /volumes/create",
            "POST /networks/create",
            "POST /containers/create",
        ]
    }

    fn removals(&self) -> &'static [&'static str] {
        &[
            "DELETE /containers/",
            "DELETE /networks/",
            "DELETE /volumes/",
        ]
    }

    async fn fault(&self, fault: Fault) -> Result<(), Unsupported> {
        if matches!(fault, Fault::RateLimited(_)) {
            return Err(Unsupported("no engine limits its rate"));
        }
        self.proxy.fault(fault);
        Ok(())
    }

    async fn heal(&self) {
        self.proxy.heal();
    }

    async fn settle(&self) {
        self.proxy.settle().await;
    }
}

#[async_trait]
impl InfraHarness for AtPodman {
    fn registration(&self) -> InfraRegistration {
        let mut linked = inventory::iter::<InfraRegistration>.into_iter();
        *linked.find(|one| one.id == "docker").unwrap()
    }

    /// The suite calls this after each deployment, so that no container is missed.
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

    async fn write_data(&self, handle: &InfraHandle, text: &str) -> Result<(), Unsupported> {
        self.inside(handle, &format!("echo '{text}' > {NOTE}"));
        Ok(())
    }

    async fn read_data(&self, handle: &InfraHandle) -> Result<Option<String>, Unsupported> {
        let text = self.inside(handle, &format!("cat {NOTE} || echo"));
        Ok((!text.is_empty()).then_some(text))
    }

    fn options(&self) -> Option<[InfraOptions; 2]> {
        let options = |memory: u32, cpu: u32, pids: u32| {
            let all = json!({ "memoryMib": memory, "cpuMillis": cpu, "pidsLimit": pids });
            serde_json::from_value(all).unwrap()
        };
        Some([options(96, 700, 70), options(128, 800, 80)])
    }

    async fn applied_options(&self, handle: &InfraHandle) -> Result<InfraOptions, Unsupported> {
        let format = "[{{.HostConfig.Memory}},{{.HostConfig.NanoCpus}},{{.HostConfig.PidsLimit}}]";
        let container = self.container(handle);
        let limits = self
            .podman
            .run(&["inspect", "--format", format, &container]);
        let [memory, cpu, pids]: [u64; 3] = serde_json::from_str(&limits).unwrap();
        let all = json!({
            "memoryMib": memory / 1024 / 1024, "cpuMillis": cpu / 1_000_000, "pidsLimit": pids,
        });
        Ok(serde_json::from_value(all).unwrap())
    }

    fn other_image(&self) -> Result<&'static str, Unsupported> {
        Ok(OTHER_IMAGE)
    }

    async fn running_image(&self, handle: &InfraHandle) -> Result<String, Unsupported> {
        let (container, format) = (self.container(handle), "{{.Config.Image}}");
        Ok(self
            .podman
            .run(&["inspect", "--format", format, &container]))
    }

    async fn end(&self, handle: &InfraHandle) -> Result<(), Unsupported> {
        self.podman.run(&["kill", &self.container(handle)]);
        Ok(())
    }

    /// The image's command writes it.
    async fn write_line(&self, _: &InfraHandle) -> Result<String, Unsupported> {
        Ok("started".to_owned())
    }
}
