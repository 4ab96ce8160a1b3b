//! The settings of this provider.

use std::net::{IpAddr, SocketAddr};

use agent_pool_core::settings::{self, Environment, Millis, SettingSpec, SettingsError};
use agent_pool_core::{InfraOptions, InstanceId, ProviderError, Secret, read_options};
use bollard::auth::DockerCredentials;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

const PREFIX: &str = "DOCKER_";

/// The variables that shape an instance, see `InfraProvider::recipe_settings`.
pub(crate) const RECIPE_SETTINGS: [&str; 12] = [
    "DOCKER_NETWORK",
    "DOCKER_URL_TEMPLATE",
    "DOCKER_TRAEFIK",
    "DOCKER_CONTAINER_PORT",
    "DOCKER_MEMORY_MIB",
    "DOCKER_CPU_MILLIS",
    "DOCKER_PIDS_LIMIT",
    "DOCKER_READ_ONLY",
    "DOCKER_USER",
    "DOCKER_RUNTIME",
    "DOCKER_RESTART_MAX",
    "DOCKER_EXTRA_HOSTS",
];

/// When the image is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Pull {
    /// If the engine does not have it.
    Missing,
    /// Before each new container.
    Always,
    /// The engine must have it.
    Never,
}

/// The variables, each a field with the prefix `DOCKER_`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub(crate) struct Variables {
    /// The engine's address: `unix:///path/to/socket`, `tcp://host:port` or `http://host:port`.
    #[serde(default = "Variables::default_host")]
    pub(crate) host: String,
    /// The image that instances run.
    pub(crate) image: String,
    /// When to pull the image: `missing`, `always` or `never`.
    #[serde(default = "Variables::default_pull")]
    pub(crate) pull: Pull,
    /// User name for the image's registry.
    pub(crate) registry_username: Option<String>,
    /// Password or token for the image's registry.
    pub(crate) registry_password: Option<Secret>,
    /// A network that every instance joins. Default: a network per instance, so that instances cannot reach each other.
    pub(crate) network: Option<String>,
    /// Address of the engine's machine on which ports of instances are published.
    #[serde(default = "Variables::default_publish")]
    pub(crate) publish: IpAddr,
    /// The first port to publish.
    #[serde(default = "Variables::default_port_first")]
    pub(crate) port_first: u16,
    /// The last port to publish. The default range lies below the ports that Linux gives to outgoing connections.
    #[serde(default = "Variables::default_port_last")]
    pub(crate) port_last: u16,
    /// URL of an instance, with `{id}` or `{name}`, behind a reverse proxy or on a shared network, such as
    /// `https://{id}.agents.example.com` or `http://{name}:8080`. No port is published then.
    pub(crate) url_template: Option<String>,
    /// Add labels for Traefik that route the host name of `DOCKER_URL_TEMPLATE` to the instance.
    #[serde(default)]
    pub(crate) traefik: bool,
    /// The port that the image listens on; given to it as `PORT`.
    #[serde(default = "Variables::default_container_port")]
    pub(crate) container_port: u16,
    /// Memory limit in MiB; 0 sets none. An instance that exceeds it is killed.
    #[serde(default = "Variables::default_memory")]
    pub(crate) memory_mib: u32,
    /// CPU limit in thousandths of a core; 0 sets none.
    #[serde(default = "Variables::default_cpu")]
    pub(crate) cpu_millis: u32,
    /// Maximum number of processes and threads of an instance; 0 sets no limit.
    #[serde(default = "Variables::default_pids")]
    pub(crate) pids_limit: u32,
    /// Mount the root file system read-only; `/data` and `/tmp` stay writable.
    #[serde(default = "Variables::default_true")]
    pub(crate) read_only: bool,
    /// User (and group) to run as, such as `1000:1000`. Default: the image's.
    pub(crate) user: Option<String>,
    /// The OCI runtime, such as `runsc` (gVisor) or `kata-runtime`. Default: the engine's.
    pub(crate) runtime: Option<String>,
    /// Size in MiB at which the engine rotates an instance's log.
    #[serde(default = "Variables::default_log")]
    pub(crate) log_max_mib: u32,
    /// How often the engine restarts an instance that fails before it counts as crashed.
    #[serde(default = "Variables::default_restarts")]
    pub(crate) restart_max: u32,
    /// Further host names as `name:address`, separated by commas; `host-gateway` as the address is the engine's
    /// machine.
    #[serde(default)]
    pub(crate) extra_hosts: String,
    /// Time between the stop signal and the kill of an instance, in milliseconds.
    #[serde(default = "Variables::default_stop_grace")]
    pub(crate) stop_grace_ms: Millis,
}

impl Variables {
    fn default_host() -> String {
        "unix:///var/run/docker.sock".to_owned()
    }

    const fn default_pull() -> Pull {
        Pull::Missing
    }

    const fn default_publish() -> IpAddr {
        IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)
    }

    const fn default_port_first() -> u16 {
        30_000
    }

    const fn default_port_last() -> u16 {
        32_767
    }

    const fn default_container_port() -> u16 {
        8080
    }

    const fn default_memory() -> u32 {
        512
    }

    const fn default_cpu() -> u32 {
        1000
    }

    const fn default_pids() -> u32 {
        256
    }

    const fn default_true() -> bool {
        true
    }

    const fn default_log() -> u32 {
        10
    }

    const fn default_restarts() -> u32 {
        3
    }

    const fn default_stop_grace() -> Millis {
        Millis::from_millis(5_000)
    }
}

/// The options of a recipe, each of which overrides the setting of the same name.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Options {
    memory_mib: Option<u32>,
    cpu_millis: Option<u32>,
    pids_limit: Option<u32>,
}

/// The validated settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings(Variables);

impl std::ops::Deref for Settings {
    type Target = Variables;

    fn deref(&self) -> &Variables {
        &self.0
    }
}

impl Settings {
    pub(crate) fn describe() -> Vec<SettingSpec> {
        settings::describe::<Variables>(PREFIX)
    }

    /// The settings with the options of a recipe applied.
    pub(crate) fn with(&self, options: &InfraOptions) -> Result<Self, ProviderError> {
        let options: Options = read_options(options)?;
        let mut own = self.0.clone();
        own.memory_mib = options.memory_mib.unwrap_or(own.memory_mib);
        own.cpu_millis = options.cpu_millis.unwrap_or(own.cpu_millis);
        own.pids_limit = options.pids_limit.unwrap_or(own.pids_limit);
        Ok(Self(own))
    }

    pub(crate) fn read(environment: &Environment) -> Result<Self, SettingsError> {
        let settings = Self(settings::read(PREFIX, environment)?);
        let fault = |name: &str, problem: &str| {
            Err(SettingsError::fault(
                format!("{PREFIX}{name}"),
                problem.to_owned(),
            ))
        };
        if settings.image.trim().is_empty() {
            return fault("IMAGE", "names no image");
        }
        if settings.port_first == 0 || settings.port_first > settings.port_last {
            return fault("PORT_LAST", "must not be below DOCKER_PORT_FIRST");
        }
        if settings.registry_username.is_some() != settings.registry_password.is_some() {
            return fault(
                "REGISTRY_PASSWORD",
                "goes with DOCKER_REGISTRY_USERNAME: set both or none",
            );
        }
        let example = InstanceId::generate();
        match settings.url_of(&example, "example") {
            Some(Err(problem)) => return fault("URL_TEMPLATE", &problem),
            None if settings.traefik => {
                return fault(
                    "TRAEFIK",
                    "needs DOCKER_URL_TEMPLATE, whose host name it routes",
                );
            }
            Some(Ok(_)) | None => {}
        }
        Ok(settings)
    }

    /// The URL from the template; `None` without one.
    pub(crate) fn url_of(&self, instance: &InstanceId, name: &str) -> Option<Result<Url, String>> {
        let template = self.url_template.as_ref()?;
        Some(settings::url_by_template(template, instance, name))
    }

    /// The URL of an instance: from the template, or with its port. `None` without either.
    pub(crate) fn address(
        &self,
        instance: &InstanceId,
        name: &str,
        port: Option<u16>,
    ) -> Result<Option<Url>, String> {
        if let Some(url) = self.url_of(instance, name) {
            return url
                .map(Some)
                .map_err(|problem| format!("{PREFIX}URL_TEMPLATE {problem}"));
        }
        let Some(port) = port else {
            return Ok(None);
        };
        let url = format!("http://{}", SocketAddr::new(self.publish, port));
        Url::parse(&url)
            .map(Some)
            .map_err(|error| format!("a port makes no URL: {error}"))
    }

    /// Credentials for pulling.
    pub(crate) fn credentials(&self) -> Option<DockerCredentials> {
        Some(DockerCredentials {
            username: Some(self.registry_username.clone()?),
            password: Some(self.registry_password.as_ref()?.expose().to_owned()),
            ..DockerCredentials::default()
        })
    }

    pub(crate) fn extra_hosts(&self) -> Vec<String> {
        let entries = self.extra_hosts.split(',').map(str::trim);
        entries
            .filter(|entry| !entry.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let mut environment = Environment::from_iter([("DOCKER_IMAGE", "agent:1")]);
        for (name, value) in pairs {
            environment.set(*name, *value);
        }
        Settings::read(&environment)
    }

    #[test]
    fn a_setting_without_meaning_is_refused_by_its_name() {
        for (variable, pairs) in [
            ("DOCKER_IMAGE", &[("DOCKER_IMAGE", " ")][..]),
            ("DOCKER_PORT_LAST", &[("DOCKER_PORT_LAST", "29999")]),
            (
                "DOCKER_REGISTRY_PASSWORD",
                &[("DOCKER_REGISTRY_USERNAME", "ann")],
            ),
            (
                "DOCKER_URL_TEMPLATE",
                &[("DOCKER_URL_TEMPLATE", "https://agents.example.com")],
            ),
            (
                "DOCKER_URL_TEMPLATE",
                &[("DOCKER_URL_TEMPLATE", "{id}.example.com")],
            ),
            ("DOCKER_TRAEFIK", &[("DOCKER_TRAEFIK", "true")]),
            ("DOCKER_PULL", &[("DOCKER_PULL", "sometimes")]),
        ] {
            let error = read(pairs).unwrap_err().to_string();
            assert!(error.starts_with(variable), "{error}");
        }
    }

    #[test]
    fn the_template_names_the_instance() {
        let settings =
            read(&[("DOCKER_URL_TEMPLATE", "https://{id}.agents.example.com/")]).unwrap();
        let id: InstanceId = "k3v9x0a1b2c3".parse().unwrap();
        let url = settings
            .url_of(&id, "ap-dev-k3v9x0a1b2c3")
            .unwrap()
            .unwrap();
        assert_eq!(url.as_str(), "https://k3v9x0a1b2c3.agents.example.com/");
    }

    #[test]
    fn the_password_is_in_no_debug_output() {
        let pairs = [
            ("DOCKER_REGISTRY_USERNAME", "ann"),
            ("DOCKER_REGISTRY_PASSWORD", "s3cret-token"),
        ];
        let settings = read(&pairs).unwrap();
        assert!(!format!("{settings:?}").contains("s3cret-token"));
        assert_eq!(
            settings.credentials().unwrap().password.as_deref(),
            Some("s3cret-token")
        );
    }

    #[test]
    fn the_settings_of_a_recipe_are_settings_and_no_secrets() {
        let all = Settings::describe();
        for name in RECIPE_SETTINGS {
            let spec = all.iter().find(|spec| spec.variable == name).unwrap();
            assert!(!spec.secret, "{name}");
        }
    }
}
