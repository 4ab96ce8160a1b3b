//! The address that a request came from.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use warp::http::HeaderMap;

/// The address that a request came from, as a request's extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Source(pub(crate) IpAddr);

/// The proxies whose `X-Forwarded-For` is trusted: addresses and networks, such as `10.0.0.0/8`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TrustedProxies(Arc<[Network]>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    /// IPv4 addresses are mapped into IPv6.
    bits: u128,
    prefix: u32,
}

/// The text is neither an address nor a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected addresses or networks, separated by commas, such as 10.0.0.0/8: {0:?} is neither"
)]
pub struct ParseTrustedProxiesError(String);

impl TrustedProxies {
    /// The source of a request that `peer` sent with `headers`: the last address in `X-Forwarded-For` that is not a
    /// trusted proxy. The client may have written everything before it.
    pub(crate) fn source(&self, peer: IpAddr, headers: &HeaderMap) -> Source {
        let mut source = peer.to_canonical();
        let forwarded = headers.get_all("x-forwarded-for");
        let hops: Vec<&str> = forwarded
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        for hop in hops.iter().rev() {
            if !self.trusts(source) {
                break;
            }
            let Ok(before) = hop.trim().parse::<IpAddr>() else {
                break;
            };
            source = before.to_canonical();
        }
        Source(source)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(width);
        (prefix <= width).then(|| Self {
            bits: mapped(address),
            prefix: prefix + 128 - width,
        })
    }

    fn contains(self, address: IpAddr) -> bool {
        let different = self.bits ^ mapped(address);
        self.prefix == 0 || different >> (128 - self.prefix) == 0
    }
}

fn mapped(address: IpAddr) -> u128 {
    let address: Ipv6Addr = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    address.to_bits()
}

impl TryFrom<String> for TrustedProxies {
    type Error = ParseTrustedProxiesError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let parts = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        parts
            .map(|part| {
                Network::parse(part).ok_or_else(|| ParseTrustedProxiesError(part.to_owned()))
            })
            .collect::<Result<Arc<[_]>, _>>()
            .map(Self)
    }
}

impl JsonSchema for TrustedProxies {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TrustedProxies".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        let trusted = TrustedProxies::try_from(trusted.to_owned()).unwrap();
        let values = forwarded.iter().map(|value| value.parse().unwrap());
        let name = warp::http::HeaderName::from_static("x-forwarded-for");
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, value);
        }
        trusted
            .source(peer.parse().unwrap(), &headers)
            .0
            .to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let claimed = ["8.8.8.8, 9.9.9.9"];
        assert_eq!(source("", "10.0.0.1", &claimed), "10.0.0.1");
        assert_eq!(source("10.0.0.0/8", "10.0.0.1", &claimed), "9.9.9.9");
        assert_eq!(source("10.0.0.0/8", "::ffff:10.0.0.1", &claimed), "9.9.9.9");
        let chain = ["8.8.8.8", "9.9.9.9, 10.1.1.1"];
        assert_eq!(source("10.0.0.0/8,::1", "::1", &chain), "9.9.9.9");
        assert_eq!(source("10.0.0.0/8", "10.0.0.1", &["unknown"]), "10.0.0.1");
        assert_eq!(source("10.0.0.0/8", "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn networks_are_read_or_refused() {
        for good in ["", "1.2.3.4", "::1/128, fd00::/8,", "0.0.0.0/0"] {
            assert!(TrustedProxies::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["proxy", "1.2.3.4/33", "::1/129", "1.2.3.4/x"] {
            let error = TrustedProxies::try_from(bad.to_owned()).unwrap_err();
            assert!(error.to_string().contains(bad), "{error}");
        }
    }
}
