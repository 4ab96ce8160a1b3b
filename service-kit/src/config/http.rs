//! The settings that every service with an API has.

use std::net::IpAddr;

use agent_pool_core::settings::{
    self, Environment, Faults, Millis, SettingFault, SettingSpec, SettingsError,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::{ApiKeys, TrustedProxies};

/// The differences between the services.
#[derive(Debug, Clone, Copy)]
pub struct HttpDefaults {
    /// The port to listen on if none is set.
    pub port: u16,
    /// Prefix of variables that override the common ones: `POOL_SVC_` for `POOL_SVC_PORT`. Other programs set `PORT`
    /// and `HOST` for their own purposes.
    pub prefix: &'static str,
}

/// Where a service listens, and which keys it accepts.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The port to listen on; 0 for a free one.
    pub port: u16,
    /// The address to listen on.
    pub host: ListenHost,
    /// The port that serves `/metrics` without a key.
    pub metrics_port: Option<u16>,
    /// The keys that callers present.
    pub pool_api_key: ApiKeys,
    /// How long work in flight may take after SIGTERM.
    pub shutdown_timeout_ms: Millis,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: TrustedProxies,
    warnings: Vec<String>,
}

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenHost {
    /// Every address of this machine, IPv6 and IPv4.
    Any,
    /// One address.
    Address(IpAddr),
    /// A name that is resolved when the service starts to listen.
    Name {
        /// The name, such as `localhost`.
        name: String,
        /// The variable that holds it.
        variable: String,
        /// Whether other programs may set the variable too: then a name that does not resolve is ignored.
        common: bool,
    },
}

/// The variables, as `--help` and `docs/settings.md` show them.
#[derive(Deserialize, JsonSchema)]
struct Variables {
    /// The port to listen on. 0 chooses a free one, which is printed.
    port: Option<u16>,
    /// The address to listen on: an IP address or a name that resolves to one. 127.0.0.1 refuses other
    /// machines. Default: every IPv6 and IPv4 address of this machine.
    host: Option<String>,
    /// A separate port for /metrics, without a key. If not set, /metrics needs the pool key.
    metrics_port: Option<u16>,
    /// The key of callers, at least 16 characters. Several keys, separated by commas, are all accepted, and the first
    /// is used for outgoing calls, so that keys can be rotated. A name before a key, as in ann:KEY, shows in logs and
    /// events.
    pool_api_key: ApiKeys,
    /// How long work in flight may take after SIGTERM. Unfinished work is then aborted and recovered after the next
    /// start. Lower values risk lost claims. Anything that sends SIGTERM has to wait longer than this before SIGKILL.
    #[serde(default = "settings::millis::<120_000>")]
    shutdown_timeout_ms: Millis,
    /// The proxies whose `X-Forwarded-For` is trusted: addresses and networks, separated by commas, such as 10.0.0.0/8.
    /// If not set, every request counts as coming from the address that connects, so that many wrong keys of one client
    /// behind a proxy block all of its clients.
    #[serde(default)]
    trusted_proxies: TrustedProxies,
}

/// The variables with a prefixed name. The key has none, because both services share it.
const PREFIXED: [&str; 4] = ["PORT", "HOST", "METRICS_PORT", "SHUTDOWN_TIMEOUT_MS"];

impl HttpSettings {
    /// Reads the settings of a service.
    ///
    /// # Errors
    /// Every variable that is missing or invalid.
    pub fn read(environment: &Environment, defaults: HttpDefaults) -> Result<Self, SettingsError> {
        let mut chosen = Chosen::from(environment, defaults.prefix);
        let read = settings::read::<Variables>("", &chosen.environment);
        let read = read.map_err(|error| chosen.rename(&error))?;
        let host = match read.host {
            None => ListenHost::Any,
            Some(text) => chosen.host(text),
        };
        Ok(Self {
            port: read.port.unwrap_or(defaults.port),
            host,
            metrics_port: read.metrics_port,
            pool_api_key: read.pool_api_key,
            shutdown_timeout_ms: read.shutdown_timeout_ms,
            trusted_proxies: read.trusted_proxies,
            warnings: chosen.warnings,
        })
    }

    /// The specs of the settings of a service.
    #[must_use]
    pub fn describe(defaults: HttpDefaults) -> Vec<SettingSpec> {
        let mut specs = settings::describe::<Variables>("");
        for spec in &mut specs {
            if spec.variable == "PORT" {
                spec.default = Some(defaults.port.to_string());
            }
            if PREFIXED.contains(&spec.variable.as_str()) {
                let prefixed = format!(" {}{} overrides it.", defaults.prefix, spec.variable);
                spec.description.push_str(&prefixed);
            }
        }
        specs
    }

    /// Warnings about ignored values, to be logged once logging has started.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// The environment in which each prefixed variable replaces the common one.
struct Chosen {
    environment: Environment,
    prefix: &'static str,
    /// The common names whose value came from the prefixed variable.
    prefixed: Vec<&'static str>,
    warnings: Vec<String>,
}

impl Chosen {
    fn from(environment: &Environment, prefix: &'static str) -> Self {
        let mut chosen = Self {
            environment: environment.clone(),
            prefix,
            prefixed: Vec::new(),
            warnings: Vec::new(),
        };
        for name in PREFIXED {
            let own = format!("{prefix}{name}");
            if let Some(value) = chosen.unless_stray(&own, environment.get(&own)) {
                chosen.environment.set(name, value);
                chosen.prefixed.push(name);
            } else if chosen.unless_stray(name, environment.get(name)).is_none() {
                chosen.environment.set(name, "");
            }
        }
        chosen
    }

    /// Kubernetes sets `POOL_SVC_PORT=tcp://10.0.0.1:3001` in every pod if a service is named `pool-svc`. None of these
    /// variables contains a URL, so such a value is not meant for us.
    fn unless_stray<'a>(&mut self, variable: &str, value: Option<&'a str>) -> Option<&'a str> {
        let value = value?;
        if value.contains("://") {
            self.warnings.push(format!(
                "{variable} is {value:?}, which another program set (Kubernetes does): ignored"
            ));
            return None;
        }
        Some(value)
    }

    fn host(&mut self, text: String) -> ListenHost {
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse() {
            return ListenHost::Address(address);
        }
        let common = !self.prefixed.contains(&"HOST");
        let variable = self.variable("HOST");
        if common && !is_host_name(&text) {
            self.warnings.push(format!(
                "{variable} is {text:?}, which is not an address, and which another program set (conda \
                 does): ignored. To choose an address, set {}HOST",
                self.prefix
            ));
            return ListenHost::Any;
        }
        ListenHost::Name {
            name: text,
            variable,
            common,
        }
    }

    /// The name of the variable that a value comes from.
    fn variable(&self, common: &str) -> String {
        if self.prefixed.contains(&common) {
            return format!("{}{common}", self.prefix);
        }
        common.to_owned()
    }

    fn rename(&self, error: &SettingsError) -> SettingsError {
        let mut faults = Faults::default();
        for SettingFault { variable, problem } in error.faults() {
            let renamed = SettingsError::fault(self.variable(variable), problem.clone());
            faults.keep::<()>(Err(renamed));
        }
        faults
            .finish::<()>(None)
            .expect_err("an error without a value")
    }
}

/// Whether a text may be a DNS name. Target triples, such as `x86_64-linux-gnu`, contain an underscore.
fn is_host_name(text: &str) -> bool {
    let of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    !text.is_empty() && text.len() <= 253 && text.chars().all(of_a_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: HttpDefaults = HttpDefaults {
        port: 3001,
        prefix: "POOL_SVC_",
    };

    fn read(pairs: &[(&str, &str)]) -> Result<HttpSettings, SettingsError> {
        let key = [("POOL_API_KEY", "a-key-of-16-chars")];
        let all = key.iter().chain(pairs).copied();
        HttpSettings::read(&Environment::from_iter(all), DEFAULTS)
    }

    #[test]
    fn the_service_chooses_its_default_port() {
        let settings = read(&[]).unwrap();
        assert_eq!((settings.port, settings.metrics_port), (3001, None));
        assert_eq!(settings.host, ListenHost::Any);
        let port = &HttpSettings::describe(DEFAULTS)[0];
        assert_eq!(port.default.as_deref(), Some("3001"));
        assert!(port.description.ends_with("POOL_SVC_PORT overrides it."));
    }

    #[test]
    fn prefixed_names_win_and_are_the_ones_that_faults_name() {
        let both = [("PORT", "1"), ("POOL_SVC_PORT", "2"), ("HOST", "::1")];
        let settings = read(&both).unwrap();
        assert_eq!(settings.port, 2);
        assert_eq!(
            settings.host,
            ListenHost::Address("::1".parse::<IpAddr>().unwrap())
        );
        let wrong = [("POOL_SVC_PORT", "70000"), ("METRICS_PORT", "x")];
        let error = read(&wrong).unwrap_err();
        let named: Vec<_> = error.faults().iter().map(|f| f.variable.as_str()).collect();
        assert_eq!(named, ["POOL_SVC_PORT", "METRICS_PORT"]);
    }

    #[test]
    fn values_that_other_programs_set_are_ignored_with_a_warning() {
        let stray = [
            ("POOL_SVC_PORT", "tcp://10.0.0.1:3001"),
            ("PORT", "tcp://10.0.0.1:80"),
            ("HOST", "x86_64-conda-linux-gnu"),
        ];
        let settings = read(&stray).unwrap();
        assert_eq!((settings.port, &settings.host), (3001, &ListenHost::Any));
        let [first, second, third] = settings.warnings() else {
            panic!("{:?}", settings.warnings());
        };
        assert!(first.starts_with("POOL_SVC_PORT is"), "{first}");
        assert!(second.starts_with("PORT is"), "{second}");
        assert!(third.contains("set POOL_SVC_HOST"), "{third}");
    }

    #[test]
    fn a_name_is_kept_to_be_resolved() {
        let name = |name: &str, variable: &str, common| ListenHost::Name {
            name: name.to_owned(),
            variable: variable.to_owned(),
            common,
        };
        let common = read(&[("HOST", "localhost")]).unwrap();
        assert_eq!(common.host, name("localhost", "HOST", true));
        let own = read(&[("HOST", "localhost"), ("POOL_SVC_HOST", "a_b")]).unwrap();
        assert_eq!(own.host, name("a_b", "POOL_SVC_HOST", false));
    }

    #[test]
    fn a_port_out_of_range_and_a_missing_key_are_both_named() {
        let environment = Environment::from_iter([("PORT", "70000")]);
        let error = HttpSettings::read(&environment, DEFAULTS).unwrap_err();
        let named: Vec<_> = error.faults().iter().map(|f| f.variable.as_str()).collect();
        assert_eq!(named, ["PORT", "POOL_API_KEY"]);
    }
}
