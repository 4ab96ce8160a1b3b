//! The settings that every service with an API has.

use std::net::{IpAddr, Ipv4Addr};

use agent_pool_core::settings::{self, Millis};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::ApiKeys;

/// Where a service listens and whom it answers. `PORT` is the service's own default port.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct HttpSettings<const PORT: u16> {
    /// The port to listen on. 0 takes a free one, which is printed.
    #[serde(default = "default_port::<PORT>")]
    pub port: u16,
    /// The address to listen on. 127.0.0.1 refuses other machines.
    #[serde(default = "default_host")]
    pub host: IpAddr,
    /// A port of its own for /metrics, without a key. Without it /metrics needs the pool key.
    pub metrics_port: Option<u16>,
    /// The key that callers present. Several, separated by commas, are all accepted, and the first
    /// is used for outgoing calls, so that keys can be rotated.
    pub pool_api_key: ApiKeys,
    /// How long what is in flight may take once SIGTERM came. What is not finished by then is cut off,
    /// and recovered after the next start. Too low, and claims are lost; whoever sends SIGTERM must wait
    /// for longer before SIGKILL.
    #[serde(default = "settings::millis::<120_000>")]
    pub shutdown_timeout_ms: Millis,
}

const fn default_port<const PORT: u16>() -> u16 {
    PORT
}

const fn default_host() -> IpAddr {
    IpAddr::V4(Ipv4Addr::UNSPECIFIED)
}

#[cfg(test)]
mod tests {
    use agent_pool_core::settings::{Environment, SettingsError};

    use super::*;

    fn read<const N: usize>(pairs: [(&str, &str); N]) -> Result<HttpSettings<3001>, SettingsError> {
        settings::read("", &Environment::from_iter(pairs))
    }

    #[test]
    fn the_service_chooses_its_default_port() {
        let settings = read([("POOL_API_KEY", "k")]).unwrap();
        assert_eq!((settings.port, settings.metrics_port), (3001, None));
        assert!(settings.host.is_unspecified());
        let specs = settings::describe::<HttpSettings<3002>>("");
        assert_eq!(specs[0].default.as_deref(), Some("3002"));
    }

    #[test]
    fn a_port_out_of_range_and_a_missing_key_are_both_named() {
        let error = read([("PORT", "70000"), ("HOST", "nowhere")]).unwrap_err();
        let named: Vec<_> = error.faults().iter().map(|f| f.variable.as_str()).collect();
        assert_eq!(named, ["PORT", "HOST", "POOL_API_KEY"]);
    }
}
