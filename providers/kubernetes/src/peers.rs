//! Settings that are lists: peers, labels, tolerations.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

/// A peer of a connection, such as `namespace:ingress` or `cidr:192.0.2.0/24`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Every pod of a namespace, except instances.
    Namespace(String),
    /// Addresses.
    Cidr(String),
}

/// The items of a comma-separated list.
pub(crate) fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

/// Reads a list of peers.
pub(crate) fn peers(list: &str) -> Result<Vec<Peer>, String> {
    let peer = |item: &str| match item.split_once(':') {
        Some(("namespace", name)) if !name.is_empty() => Ok(Peer::Namespace(name.to_owned())),
        Some(("cidr", range)) if is_cidr(range) => Ok(Peer::Cidr(range.to_owned())),
        _ => Err(format!(
            "has {item:?}, which is neither namespace:NAME nor cidr:ADDRESS/LENGTH"
        )),
    };
    items(list).map(peer).collect()
}

fn is_cidr(range: &str) -> bool {
    let Some((address, length)) = range.split_once('/') else {
        return false;
    };
    let longest = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    length.parse::<u8>().is_ok_and(|length| length <= longest)
}

/// Reads a list of address ranges, none of which may cover all addresses.
pub(crate) fn ranges(list: &str) -> Result<Vec<String>, String> {
    let range = |item: &str| match is_cidr(item) && !item.ends_with("/0") {
        true => Ok(item.to_owned()),
        false => Err(format!("has {item:?}, which is no ADDRESS/LENGTH")),
    };
    items(list).map(range).collect()
}

/// Reads `key=value` pairs.
pub(crate) fn pairs(list: &str) -> Result<Map<String, Value>, String> {
    let pair = |item: &str| {
        let (key, value) = item
            .split_once('=')
            .ok_or_else(|| format!("has {item:?}, which does not have the form key=value"))?;
        Ok((key.trim().to_owned(), Value::from(value.trim())))
    };
    items(list).map(pair).collect()
}

/// Reads tolerations as `kubectl taint` writes taints: `key=value:Effect`, `key:Effect`, `key`.
pub(crate) fn tolerations(list: &str) -> Result<Vec<Value>, String> {
    let toleration = |item: &str| {
        let (taint, effect) = match item.rsplit_once(':') {
            Some((taint, effect)) => (taint, Some(effect)),
            None => (item, None),
        };
        let mut toleration = match taint.split_once('=') {
            Some((key, value)) => json!({ "key": key, "operator": "Equal", "value": value }),
            None => json!({ "key": taint, "operator": "Exists" }),
        };
        match effect {
            Some("NoSchedule" | "PreferNoSchedule" | "NoExecute") => {
                toleration["effect"] = effect.into();
            }
            Some(other) => {
                return Err(format!(
                    "has the effect {other:?}: it must be NoSchedule, PreferNoSchedule or NoExecute"
                ));
            }
            None => {}
        }
        Ok(toleration)
    };
    items(list).map(toleration).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_namespaces_and_address_ranges() {
        let read = peers("namespace:ingress, cidr:192.0.2.0/24,cidr:2001:db8::/32").unwrap();
        assert_eq!(read[0], Peer::Namespace("ingress".to_owned()));
        assert_eq!(read[2], Peer::Cidr("2001:db8::/32".to_owned()));
        for wrong in [
            "ingress",
            "cidr:10.0.0.0",
            "cidr:10.0.0.0/33",
            "namespace:",
            "cidr:x/8",
        ] {
            assert!(peers(wrong).unwrap_err().contains(wrong), "{wrong}");
        }
    }

    #[test]
    fn tolerations_are_written_like_taints() {
        let read = tolerations("gpu=a100:NoSchedule, spot:NoExecute, any").unwrap();
        assert_eq!(
            read[0],
            json!({ "key": "gpu", "operator": "Equal", "value": "a100", "effect": "NoSchedule" })
        );
        assert_eq!(
            read[1],
            json!({ "key": "spot", "operator": "Exists", "effect": "NoExecute" })
        );
        assert_eq!(read[2], json!({ "key": "any", "operator": "Exists" }));
        assert!(tolerations("a:Never").unwrap_err().contains("Never"));
    }

    #[test]
    fn pairs_need_a_value() {
        let read = pairs("disk=ssd, zone=a").unwrap();
        assert_eq!(Value::from(read), json!({ "disk": "ssd", "zone": "a" }));
        assert!(pairs("disk").unwrap_err().contains("disk"));
    }
}
