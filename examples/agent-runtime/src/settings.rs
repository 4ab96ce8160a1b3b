//! The settings of an instance, from its environment.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use agent_pool_core::settings::{self, Environment, SettingSpec, SettingsError};
use agent_pool_core::wire::runtime::ProvisionRequest;
use agent_pool_core::wire::{AgentName, Instructions, JoinUrl};
use agent_pool_core::{Secret, unescape_value};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

/// The settings of one instance.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Settings {
    /// The port to listen on. 0 chooses a free one, which is printed.
    #[serde(default = "Settings::default_port")]
    pub port: u16,
    /// The address to listen on: an IP address or `localhost`. By default every IPv4 address. Any other value, such as
    /// the one that conda sets, is ignored.
    pub host: Option<String>,
    /// The instance's id, for its log.
    pub instance_id: Option<String>,
    /// The folder that keeps the agent and its conversation across restarts.
    pub instance_data_dir: Option<PathBuf>,
    /// Railway's variable for the folder of its volume, used if `INSTANCE_DATA_DIR` is not set. Without either, the
    /// folder is `data` in the working folder.
    pub railway_volume_mount_path: Option<PathBuf>,
    /// The key that the pool sends; several, separated by commas, during a rotation.
    pub pool_api_key: Secret,
    /// The agent's name, once claimed.
    #[schemars(with = "Option<String>")]
    pub agent_name: Option<AgentName>,
    /// The agent's instructions, once claimed.
    #[schemars(with = "Option<String>")]
    pub agent_instructions: Option<Instructions>,
    /// The conversation that the agent is to join, once claimed.
    #[schemars(with = "Option<String>")]
    pub agent_join_url: Option<JoinUrl>,
    /// The key of the language model; without one, or with one that begins with `sk-or-fake`, the
    /// agent runs offline.
    pub openrouter_api_key: Option<Secret>,
    /// URL of the language model's API.
    #[serde(default = "Settings::default_openrouter_api_url")]
    pub openrouter_api_url: Url,
    /// The language model, by its name at OpenRouter.
    #[serde(default = "Settings::default_openrouter_model")]
    pub openrouter_model: String,
    /// Milliseconds that a join waits, as if a person had to accept it; its outcome goes to the pool's callback.
    pub join_approval_ms: Option<u64>,
    /// The URL under which people reach the instance: scheme and host, without a path. Without it and
    /// `RAILWAY_PUBLIC_DOMAIN`, `http://127.0.0.1:PORT`.
    pub public_url: Option<Url>,
    /// Railway's variable for the domain of the instance, used if `PUBLIC_URL` is not set.
    pub railway_public_domain: Option<String>,
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// Every variable that is missing or malformed; `POOL_API_KEY` is required.
    pub fn read(environment: &Environment) -> Result<Self, SettingsError> {
        // An infra that would evaluate a value passes it escaped.
        let all = environment.with_prefix("");
        let plain = all.map(|(name, value)| (name, unescape_value(value)));
        let settings: Self = settings::read("", &plain.collect())?;
        if settings.pool_keys().is_empty() {
            return Err(SettingsError::fault(
                "POOL_API_KEY",
                "has no key between its commas",
            ));
        }
        Ok(settings)
    }

    /// The reference of the settings.
    #[must_use]
    pub fn describe() -> Vec<SettingSpec> {
        settings::describe::<Self>("")
    }

    /// Where to listen; `None` for a host that is not an address.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        match self.host.as_deref() {
            None => Some(Ipv4Addr::UNSPECIFIED.into()),
            Some("localhost") => Some(Ipv4Addr::LOCALHOST.into()),
            Some(host) => host.parse().ok(),
        }
    }

    pub(crate) fn pool_keys(&self) -> Vec<Secret> {
        let keys = self.pool_api_key.expose().split(',').map(str::trim);
        keys.filter(|key| !key.is_empty())
            .map(Secret::new)
            .collect()
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        let named = self.instance_data_dir.as_ref();
        let named = named.or(self.railway_volume_mount_path.as_ref());
        named.cloned().unwrap_or_else(|| "data".into())
    }

    /// Where people reach an instance that listens on `port`.
    pub(crate) fn public_url(&self, port: u16) -> Result<Url, url::ParseError> {
        match (&self.public_url, &self.railway_public_domain) {
            (Some(url), _) => Ok(url.clone()),
            (None, Some(domain)) => Url::parse(&format!("https://{domain}")),
            (None, None) => Url::parse(&format!("http://127.0.0.1:{port}")),
        }
    }

    /// The agent that a claim configured, if one did. An agent without instructions is not one yet.
    pub(crate) fn configured_agent(&self) -> Option<ProvisionRequest> {
        Some(ProvisionRequest {
            agent_name: self.agent_name.clone()?,
            instructions: self.agent_instructions.clone()?,
            join_url: self.agent_join_url.clone(),
            profile_image: None,
            metadata: None,
            callback_url: None,
            tools_url: None,
        })
    }

    const fn default_port() -> u16 {
        8080
    }

    fn default_openrouter_api_url() -> Url {
        Url::parse("https://openrouter.ai/api/v1").expect("the text is a URL")
    }

    /// `OpenRouter` picks the model, so that this default does not become outdated.
    fn default_openrouter_model() -> String {
        "openrouter/auto".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<const N: usize>(more: [(&str, &str); N]) -> Settings {
        let mut environment = Environment::from_iter([("POOL_API_KEY", "k")]);
        for (name, value) in more {
            environment.set(name, value);
        }
        Settings::read(&environment).unwrap()
    }

    #[test]
    fn without_a_key_there_is_no_start() {
        for environment in [
            Environment::default(),
            Environment::from_iter([("POOL_API_KEY", " , ")]),
        ] {
            let error = Settings::read(&environment).unwrap_err().to_string();
            assert!(error.starts_with("POOL_API_KEY "), "{error}");
        }
    }

    #[test]
    fn the_address_is_every_one_unless_host_names_one() {
        let address = |host| read([("HOST", host)]).address().map(|it| it.to_string());
        assert_eq!(address("").as_deref(), Some("0.0.0.0"));
        assert_eq!(address("localhost").as_deref(), Some("127.0.0.1"));
        assert_eq!(address("::1").as_deref(), Some("::1"));
        assert_eq!(address("x86_64-conda-linux-gnu"), None);
    }

    #[test]
    fn the_public_url_is_the_one_set_then_railways_then_this_machine() {
        let url = |settings: Settings| settings.public_url(7000).unwrap().to_string();
        let railway = ("RAILWAY_PUBLIC_DOMAIN", "a.up.railway.app");
        let own = ("PUBLIC_URL", "https://agents.example.org");
        assert_eq!(url(read([own, railway])), "https://agents.example.org/");
        assert_eq!(url(read([railway])), "https://a.up.railway.app/");
        assert_eq!(url(read([])), "http://127.0.0.1:7000/");
    }

    #[test]
    fn a_value_that_the_infra_escaped_is_read_as_it_was_given() {
        let text = "Spend ${{shared.KEY}} at 5%.";
        let escaped = agent_pool_core::escape_value(text);
        let settings = read([("AGENT_INSTRUCTIONS", &escaped)]);
        assert_eq!(settings.agent_instructions.unwrap().as_str(), text);
    }

    #[test]
    fn the_readme_names_every_setting() {
        let row = |spec: agent_pool_core::settings::SettingSpec| {
            let default = match (spec.default, spec.required) {
                (Some(default), _) => format!("`{default}`"),
                (None, true) => "required".to_owned(),
                (None, false) => "none".to_owned(),
            };
            format!("| `{}` | {default} | {} |", spec.variable, spec.description)
        };
        let table: Vec<_> = Settings::describe().into_iter().map(row).collect();
        let table = table.join("\n");
        let readme = include_str!("../README.md");
        assert!(readme.contains(&table), "README.md lacks:\n{table}");
    }
}
