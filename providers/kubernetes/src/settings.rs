//! The settings of this provider, and the options of a recipe, which win over them.

use std::collections::BTreeMap;

use agent_pool_core::settings::{self, Environment, SettingSpec, SettingsError};
use agent_pool_core::{ErrorKind, InfraOptions, InstanceId, ProviderError, read_options};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use crate::peers::{self, Peer};
use crate::variables::{Route, Variables};

pub(crate) const PREFIX: &str = "KUBERNETES_";

/// The variables that shape an instance, see `InfraProvider::recipe_settings`.
pub(crate) const RECIPE_SETTINGS: [&str; 18] = [
    "KUBERNETES_URL_TEMPLATE",
    "KUBERNETES_ROUTE",
    "KUBERNETES_CONTAINER_PORT",
    "KUBERNETES_MEMORY_MIB",
    "KUBERNETES_MEMORY_REQUEST_MIB",
    "KUBERNETES_CPU_MILLIS",
    "KUBERNETES_CPU_REQUEST_MILLIS",
    "KUBERNETES_READ_ONLY",
    "KUBERNETES_USER",
    "KUBERNETES_RUNTIME_CLASS",
    "KUBERNETES_NODE_SELECTOR",
    "KUBERNETES_TOLERATIONS",
    "KUBERNETES_STORAGE_CLASS",
    "KUBERNETES_STORAGE_MIB",
    "KUBERNETES_RESTART_MAX",
    "KUBERNETES_ALLOW_FROM",
    "KUBERNETES_ALLOW_TO",
    "KUBERNETES_DENY_TO",
];

/// The options of a recipe, each of which overrides the setting of the same name.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Options {
    memory_mib: Option<u32>,
    memory_request_mib: Option<u32>,
    cpu_millis: Option<u32>,
    cpu_request_millis: Option<u32>,
    /// Labels that a node must have.
    node_selector: Option<BTreeMap<String, String>>,
    runtime_class: Option<String>,
}

/// The validated settings, with their lists parsed.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    variables: Variables,
    /// `None`: the instances' own namespace.
    pub(crate) allow_from: Option<Vec<Peer>>,
    pub(crate) allow_to: Vec<Peer>,
    pub(crate) deny_to: Vec<String>,
    pub(crate) node_selector: Map<String, Value>,
    pub(crate) route_annotations: Map<String, Value>,
    pub(crate) tolerations: Vec<Value>,
}

impl std::ops::Deref for Settings {
    type Target = Variables;

    fn deref(&self) -> &Variables {
        &self.variables
    }
}

/// A fault of the variable `KUBERNETES_{name}`.
pub(crate) fn fault(name: &str, problem: impl Into<String>) -> SettingsError {
    SettingsError::fault(format!("{PREFIX}{name}"), problem.into())
}

impl Settings {
    pub(crate) fn describe() -> Vec<SettingSpec> {
        settings::describe::<Variables>(PREFIX)
    }

    pub(crate) fn read(environment: &Environment) -> Result<Self, SettingsError> {
        let variables: Variables = settings::read(PREFIX, environment)?;
        let named = |name| move |problem: String| fault(name, problem);
        let allow_from = variables
            .allow_from
            .as_deref()
            .map(peers::peers)
            .transpose();
        let settings = Self {
            allow_from: allow_from.map_err(named("ALLOW_FROM"))?,
            allow_to: peers::peers(&variables.allow_to).map_err(named("ALLOW_TO"))?,
            deny_to: peers::ranges(&variables.deny_to).map_err(named("DENY_TO"))?,
            node_selector: peers::pairs(&variables.node_selector)
                .map_err(named("NODE_SELECTOR"))?,
            route_annotations: peers::pairs(&variables.route_annotations)
                .map_err(named("ROUTE_ANNOTATIONS"))?,
            tolerations: peers::tolerations(&variables.tolerations)
                .map_err(named("TOLERATIONS"))?,
            variables,
        };
        settings.check()?;
        Ok(settings)
    }

    /// The settings with the options of a recipe applied.
    pub(crate) fn with(&self, options: &InfraOptions) -> Result<Self, ProviderError> {
        let options: Options = read_options(options)?;
        let mut own = self.clone();
        let variables = &mut own.variables;
        for (value, option) in [
            (&mut variables.memory_mib, options.memory_mib),
            (
                &mut variables.memory_request_mib,
                options.memory_request_mib,
            ),
            (&mut variables.cpu_millis, options.cpu_millis),
            (
                &mut variables.cpu_request_millis,
                options.cpu_request_millis,
            ),
        ] {
            *value = option.unwrap_or(*value);
        }
        variables.runtime_class = options.runtime_class.or(variables.runtime_class.take());
        if let Some(labels) = options.node_selector {
            let labels = labels.into_iter().map(|(name, value)| (name, json!(value)));
            own.node_selector = labels.collect();
        }
        match own.excessive_request() {
            None => Ok(own),
            Some((request, limit)) => {
                let problem = format!(
                    "option {}: must not exceed {}",
                    option_of(request),
                    option_of(limit)
                );
                Err(ErrorKind::Invalid.because(problem))
            }
        }
    }

    /// The names of a request and its limit, if the request is above the limit.
    fn excessive_request(&self) -> Option<(&'static str, &'static str)> {
        if self.memory_request_mib > self.memory_mib {
            return Some(("MEMORY_REQUEST_MIB", "MEMORY_MIB"));
        }
        (self.cpu_request_millis > self.cpu_millis).then_some(("CPU_REQUEST_MILLIS", "CPU_MILLIS"))
    }

    fn check(&self) -> Result<(), SettingsError> {
        if self.image.trim().is_empty() {
            return Err(fault("IMAGE", "names no image"));
        }
        if self.user == 0 {
            return Err(fault("USER", "is 0: an instance never runs as root"));
        }
        if let Some((request, limit)) = self.excessive_request() {
            return Err(fault(request, format!("must not exceed {PREFIX}{limit}")));
        }
        let problem = match self.url_of(&InstanceId::generate(), "ap-example") {
            Some(Err(problem)) => return Err(fault("URL_TEMPLATE", problem)),
            _ if self.route == Route::None => return Ok(()),
            None => {
                return Err(fault(
                    "ROUTE",
                    "needs KUBERNETES_URL_TEMPLATE, whose host name it routes",
                ));
            }
            Some(Ok(_)) => self.route_problem(),
        };
        problem.map_or(Ok(()), |(name, problem)| Err(fault(name, problem)))
    }

    fn route_problem(&self) -> Option<(&'static str, &'static str)> {
        let host = self
            .url_template
            .as_deref()
            .and_then(|url| url.split('/').nth(2));
        let is_named = host.is_some_and(|host| host.contains("{id}") || host.contains("{name}"));
        let gateway = self
            .gateway
            .as_deref()
            .and_then(|gateway| gateway.split_once('/'));
        if !is_named {
            return Some((
                "URL_TEMPLATE",
                "must have {id} or {name} in its host name, by which instances are routed",
            ));
        }
        if self.allow_from.is_none() {
            let problem = "must name the namespace of the ingress controller or gateway, as namespace:NAME: nothing else may connect to instances";
            return Some(("ALLOW_FROM", problem));
        }
        if self.route == Route::Gateway && gateway.is_none() {
            return Some((
                "GATEWAY",
                "must name the gateway as namespace/name for KUBERNETES_ROUTE=httproute",
            ));
        }
        None
    }

    /// The URL from the template; `None` without one.
    pub(crate) fn url_of(&self, instance: &InstanceId, name: &str) -> Option<Result<Url, String>> {
        let template = self.url_template.as_ref()?;
        Some(settings::url_by_template(template, instance, name))
    }
}

/// The option for a setting: `MEMORY_MIB` is `memoryMib`.
fn option_of(setting: &str) -> String {
    let mut words = setting.split('_').map(str::to_lowercase);
    let first = words.next().unwrap_or_default();
    let rest = words.map(|word| word[..1].to_uppercase() + &word[1..]);
    std::iter::once(first).chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_win_over_settings_and_must_fit_together() {
        let settings = read(&[("NODE_SELECTOR", "disk=hdd")]).unwrap();
        let with = |options: Value| settings.with(options.as_object().unwrap());
        let own = with(json!({
            "memoryMib": 2048, "cpuRequestMillis": 500, "nodeSelector": { "disk": "ssd" },
            "runtimeClass": "gvisor",
        }));
        let own = own.unwrap();
        assert_eq!((own.memory_mib, own.memory_request_mib), (2048, 128));
        assert_eq!((own.cpu_millis, own.cpu_request_millis), (1000, 500));
        assert_eq!(own.node_selector["disk"], "ssd");
        assert_eq!(own.runtime_class.as_deref(), Some("gvisor"));
        let error = with(json!({ "memoryMib": 64 })).unwrap_err().to_string();
        let expected = "option memoryRequestMib: must not exceed memoryMib";
        assert!(error.contains(expected), "{error}");
        let error = with(json!({ "memory": 64 })).unwrap_err().to_string();
        assert!(error.contains("`memoryMib`"), "{error}");
    }

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let mut environment = Environment::from_iter([("KUBERNETES_IMAGE", "agent:1")]);
        for (name, value) in pairs {
            environment.set(format!("{PREFIX}{name}"), *value);
        }
        Settings::read(&environment)
    }

    #[test]
    fn a_setting_without_meaning_is_refused_by_its_name() {
        let host = ("URL_TEMPLATE", "https://{id}.example.com");
        for (variable, pairs) in [
            ("IMAGE", &[("IMAGE", " ")][..]),
            ("USER", &[("USER", "0")]),
            ("MEMORY_REQUEST_MIB", &[("MEMORY_REQUEST_MIB", "513")]),
            ("CPU_REQUEST_MILLIS", &[("CPU_REQUEST_MILLIS", "1001")]),
            (
                "URL_TEMPLATE",
                &[("URL_TEMPLATE", "https://agents.example.com")],
            ),
            ("URL_TEMPLATE", &[("URL_TEMPLATE", "{id}.example.com")]),
            (
                "URL_TEMPLATE",
                &[
                    ("URL_TEMPLATE", "https://example.com/{id}"),
                    ("ROUTE", "ingress"),
                ],
            ),
            ("ROUTE", &[("ROUTE", "ingress")]),
            ("ROUTE", &[("ROUTE", "tunnel")]),
            ("ALLOW_FROM", &[host, ("ROUTE", "ingress")]),
            ("ALLOW_FROM", &[("ALLOW_FROM", "everybody")]),
            ("ALLOW_TO", &[("ALLOW_TO", "cidr:everywhere")]),
            ("DENY_TO", &[("DENY_TO", "0.0.0.0/0")]),
            (
                "GATEWAY",
                &[host, ("ROUTE", "httproute"), ("ALLOW_FROM", "namespace:gw")],
            ),
            ("TOLERATIONS", &[("TOLERATIONS", "a:Never")]),
            ("NODE_SELECTOR", &[("NODE_SELECTOR", "ssd")]),
            ("ROUTE_ANNOTATIONS", &[("ROUTE_ANNOTATIONS", "tls")]),
        ] {
            let error = read(pairs).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{PREFIX}{variable}")), "{error}");
        }
    }

    #[test]
    fn the_token_is_in_no_debug_output() {
        let settings = read(&[("TOKEN", "s3cret-token")]).unwrap();
        assert!(!format!("{settings:?}").contains("s3cret-token"));
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
