//! One generation of an instance's container: its state at the engine, and the description of the next one.

use std::collections::HashMap;
use std::net::IpAddr;

use agent_pool_core::{DeployStatus, EnvVars, InstanceId, Mark, ProviderError, Secret, runtime};
use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerSummary, ContainerSummaryStateEnum,
    EndpointSettings, HostConfig, HostConfigLogConfig, Mount, MountType, NetworkingConfig,
    PortBinding, RestartPolicy, RestartPolicyNameEnum,
};
use chrono::{DateTime, Utc};

use crate::names;
use crate::settings::Settings;

/// The mount point of the volume, which the program gets as `INSTANCE_DATA_DIR`.
const DATA: &str = "/data";
const MIB: i64 = 1024 * 1024;

/// One of our containers, as a list returns it.
#[derive(Debug, Clone)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) instance: InstanceId,
    pub(crate) generation: u32,
    pub(crate) port: Option<u16>,
    pub(crate) image: Option<String>,
    /// The engine's id of the image that it was made from.
    pub(crate) image_digest: Option<String>,
    pub(crate) state: Option<ContainerSummaryStateEnum>,
    pub(crate) created_at: Option<DateTime<Utc>>,
}

impl Container {
    /// `None` for a container without our labels.
    pub(crate) fn from_summary(summary: ContainerSummary) -> Option<Self> {
        let labels = summary.labels.unwrap_or_default();
        let created = summary
            .created
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        Some(Self {
            id: summary.id?,
            name: labels.get(names::NAME)?.clone(),
            instance: labels.get(names::INSTANCE)?.parse().ok()?,
            generation: labels.get(names::GENERATION)?.parse().ok()?,
            port: labels.get(names::PORT).and_then(|port| port.parse().ok()),
            image: summary.image,
            image_digest: summary.image_id.as_deref().and_then(digest),
            state: summary.state,
            created_at: created,
        })
    }

    /// Whether it was ever started: a generation that waits for its deployment was not.
    pub(crate) fn was_started(&self) -> bool {
        !matches!(self.state, Some(ContainerSummaryStateEnum::CREATED))
    }

    pub(crate) fn is_going(&self) -> bool {
        matches!(self.state, Some(ContainerSummaryStateEnum::REMOVING))
    }

    /// Whether it ended on its own, or is being restarted because it did.
    pub(crate) fn has_ended(&self) -> bool {
        use ContainerSummaryStateEnum as State;
        matches!(
            self.state,
            Some(State::EXITED | State::DEAD | State::RESTARTING)
        )
    }

    /// The status of its deployment; `None` before it was started.
    pub(crate) fn status(&self) -> Option<DeployStatus> {
        use ContainerSummaryStateEnum as State;
        match self.state {
            None | Some(State::EMPTY | State::CREATED) => None,
            Some(State::RUNNING) => Some(DeployStatus::Success),
            Some(State::RESTARTING) => Some(DeployStatus::Deploying),
            Some(State::PAUSED) => Some(DeployStatus::Sleeping),
            Some(State::EXITED | State::DEAD) => Some(DeployStatus::Crashed),
            Some(State::REMOVING) => Some(DeployStatus::Removing),
            Some(State::STOPPING) => Some(DeployStatus::Removing),
        }
    }
}

/// Converts an engine's image id to a digest. Docker always writes the prefix `sha256:`, Podman only in some places.
pub(crate) fn digest(id: &str) -> Option<String> {
    let hex = id.strip_prefix("sha256:").unwrap_or(id);
    (!hex.is_empty()).then(|| format!("sha256:{hex}"))
}

/// The description of the next generation.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) instance: InstanceId,
    pub(crate) generation: u32,
    pub(crate) image: String,
    pub(crate) port: Option<u16>,
    pub(crate) variables: EnvVars,
}

impl Plan {
    /// The next generation after a container, with its image, port and variables.
    pub(crate) fn after(
        container: &Container,
        inspected: ContainerInspectResponse,
    ) -> Result<Self, ProviderError> {
        let config = inspected.config.unwrap_or_default();
        let labels = config.labels.unwrap_or_default();
        let own = labels.get(names::VARIABLES).map_or("", String::as_str);
        let own: Vec<&str> = own.split(',').collect();
        let pairs = config.env.unwrap_or_default().into_iter();
        let mut variables = EnvVars::new();
        for pair in pairs {
            if let Some((name, value)) = pair.split_once('=')
                && own.contains(&name)
            {
                variables.set(name.parse()?, Secret::new(value));
            }
        }
        Ok(Self {
            instance: container.instance.clone(),
            generation: container.generation + 1,
            image: config
                .image
                .or_else(|| container.image.clone())
                .unwrap_or_default(),
            port: container.port,
            variables,
        })
    }

    /// The engine's name for the container.
    pub(crate) fn container_name(&self, mark: &Mark) -> String {
        format!("{}.{}", mark.label(&self.instance), self.generation)
    }

    /// The request that creates the container.
    pub(crate) fn body(&self, mark: &Mark, settings: &Settings) -> ContainerCreateBody {
        let name = mark.label(&self.instance);
        let port = format!("{}/tcp", settings.container_port);
        let network = settings.network.clone().unwrap_or_else(|| name.clone());
        let endpoint = EndpointSettings {
            aliases: Some(vec![name.clone()]),
            ..EndpointSettings::default()
        };
        ContainerCreateBody {
            image: Some(self.image.clone()),
            hostname: Some(name.clone()),
            user: settings.user.clone(),
            env: Some(self.environment(&name, settings)),
            labels: Some(self.labels(mark, settings)),
            exposed_ports: Some(vec![port.clone()]),
            host_config: Some(self.host_config(&name, &network, &port, settings)),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some(HashMap::from([(network, endpoint)])),
            }),
            ..ContainerCreateBody::default()
        }
    }

    /// The engine takes each entry literally: nothing in a value is expanded.
    fn environment(&self, name: &str, settings: &Settings) -> Vec<String> {
        let fixed = [
            (runtime::PORT, settings.container_port.to_string()),
            ("HOST", "0.0.0.0".to_owned()),
            (runtime::INSTANCE_ID, self.instance.to_string()),
            (runtime::INSTANCE_DATA_DIR, DATA.to_owned()),
        ];
        let url = settings.address(&self.instance, name, self.port);
        let url = url.ok().flatten().map(|url| url.to_string());
        let fixed = fixed
            .into_iter()
            .chain(url.map(|url| (runtime::PUBLIC_URL, url)))
            .map(|(name, value)| format!("{name}={value}"));
        let own = self
            .variables
            .iter()
            .map(|(name, value)| format!("{name}={}", value.expose()));
        fixed.chain(own).collect()
    }

    fn labels(&self, mark: &Mark, settings: &Settings) -> HashMap<String, String> {
        let mut labels = names::labels(mark, &self.instance);
        let mut add = |key: &str, value: String| labels.insert(key.to_owned(), value);
        add(names::GENERATION, self.generation.to_string());
        let variables: Vec<&str> = self
            .variables
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        add(names::VARIABLES, variables.join(","));
        if let Some(port) = self.port {
            add(names::PORT, port.to_string());
        }
        let name = mark.label(&self.instance);
        if settings.traefik
            && let Some(Ok(url)) = settings.url_of(&self.instance, &name)
            && let Some(host) = url.host_str()
        {
            add("traefik.enable", "true".to_owned());
            add(
                &format!("traefik.http.routers.{name}.rule"),
                format!("Host(`{host}`)"),
            );
            let service = format!("traefik.http.services.{name}.loadbalancer.server.port");
            add(&service, settings.container_port.to_string());
        }
        labels
    }

    /// Isolation by default: no capabilities, no way to gain privileges, a read-only root, bounded memory, CPU,
    /// processes and log.
    fn host_config(
        &self,
        volume: &str,
        network: &str,
        port: &str,
        settings: &Settings,
    ) -> HostConfig {
        let limit = |value: i64| (value > 0).then_some(value);
        let bindings = self.port.map(|published| {
            HashMap::from([(
                port.to_owned(),
                Some(vec![binding(settings.publish, published)]),
            )])
        });
        let log = [
            ("max-size", format!("{}m", settings.log_max_mib)),
            ("max-file", "2".to_owned()),
        ];
        let memory = i64::from(settings.memory_mib) * MIB;
        HostConfig {
            mounts: Some(vec![Mount {
                target: Some(DATA.to_owned()),
                source: Some(volume.to_owned()),
                typ: Some(MountType::VOLUME),
                ..Mount::default()
            }]),
            tmpfs: Some(HashMap::from([(
                "/tmp".to_owned(),
                "rw,nosuid,nodev,size=64m,mode=1777".to_owned(),
            )])),
            network_mode: Some(network.to_owned()),
            port_bindings: bindings,
            memory: limit(memory),
            // Includes the memory. The default would add as much swap as memory and so double the limit.
            memory_swap: limit(memory),
            nano_cpus: limit(i64::from(settings.cpu_millis) * 1_000_000),
            pids_limit: limit(i64::from(settings.pids_limit)),
            readonly_rootfs: Some(settings.read_only),
            cap_drop: Some(vec!["ALL".to_owned()]),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            runtime: settings.runtime.clone(),
            extra_hosts: Some(settings.extra_hosts()).filter(|hosts| !hosts.is_empty()),
            restart_policy: Some(RestartPolicy {
                // Engines treat zero restarts as no limit.
                name: Some(match settings.restart_max {
                    0 => RestartPolicyNameEnum::NO,
                    _ => RestartPolicyNameEnum::ON_FAILURE,
                }),
                maximum_retry_count: limit(i64::from(settings.restart_max)),
            }),
            log_config: Some(HostConfigLogConfig {
                typ: Some("json-file".to_owned()),
                config: Some(log.map(|(key, value)| (key.to_owned(), value)).into()),
            }),
            ..HostConfig::default()
        }
    }
}

fn binding(address: IpAddr, port: u16) -> PortBinding {
    PortBinding {
        host_ip: Some(address.to_string()),
        host_port: Some(port.to_string()),
    }
}
