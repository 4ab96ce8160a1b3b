//! The NetworkPolicy of an instance: who may connect to it, and where it may connect to.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::names::{INSTANCE, NAME};
use crate::peers::Peer;
use crate::settings::Settings;

/// Private and link-local addresses, where other instances, the API server and nodes are, and the metadata services
/// of clouds: 169.254.169.254 of most, 100.100.100.200 of Alibaba, 168.63.129.16 of Azure, 192.0.0.192 of Oracle,
/// `fd00:ec2::254` of AWS.
const CLOSED_V4: [&str; 8] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
];
const CLOSED_V6: [&str; 3] = ["::1/128", "fc00::/7", "fe80::/10"];

/// `spec` of the policy. `server` is the host of the API server's address.
pub(crate) fn policy(name: &str, namespace: &str, server: &str, settings: &Settings) -> Value {
    let own = [Peer::Namespace(namespace.to_owned())];
    let from = settings.allow_from.as_deref().unwrap_or(&own);
    let port = json!([{ "port": settings.container_port, "protocol": "TCP" }]);
    let to = settings
        .allow_to
        .iter()
        .map(|other| json!({ "to": [peer(other)] }));
    let denied = settings.deny_to.iter().cloned();
    let denied: Vec<String> = denied.chain(single(server)).collect();
    let (v6, v4): (Vec<_>, Vec<_>) = denied.iter().partition(|range| range.contains(':'));
    let public = json!({ "to": [
        { "ipBlock": block("0.0.0.0/0", &CLOSED_V4, &v4) },
        { "ipBlock": block("::/0", &CLOSED_V6, &v6) },
    ] });
    let egress: Vec<Value> = [dns(), public].into_iter().chain(to).collect();
    json!({
        "podSelector": { "matchLabels": { NAME: name } },
        "policyTypes": ["Ingress", "Egress"],
        "ingress": ingress(from, &port),
        "egress": egress,
    })
}

/// A rule without peers would allow everybody, so the rule is left out if there are no peers.
fn ingress(from: &[Peer], port: &Value) -> Vec<Value> {
    let peers: Vec<Value> = from.iter().map(peer).collect();
    if peers.is_empty() {
        return Vec::new();
    }
    vec![json!({ "from": peers, "ports": port })]
}

/// The cluster's name server, by the labels that kubeadm, kind and the large clouds give it.
fn dns() -> Value {
    json!({
        "to": [{
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "kube-system" } },
            "podSelector": { "matchLabels": { "k8s-app": "kube-dns" } },
        }],
        "ports": [{ "port": 53, "protocol": "UDP" }, { "port": 53, "protocol": "TCP" }],
    })
}

fn peer(peer: &Peer) -> Value {
    match peer {
        Peer::Cidr(range) => json!({ "ipBlock": { "cidr": range } }),
        Peer::Namespace(name) => json!({
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": name } },
            "podSelector": { "matchExpressions": [{ "key": INSTANCE, "operator": "DoesNotExist" }] },
        }),
    }
}

/// All addresses of a family except the closed ones.
fn block(all: &str, closed: &[&str], denied: &[&String]) -> Value {
    let closed = closed.iter().copied();
    let except: Vec<&str> = closed
        .chain(denied.iter().map(|range| range.as_str()))
        .collect();
    json!({ "cidr": all, "except": except })
}

/// The host of a URL as an address range, if it is an IP address.
fn single(host: &str) -> Option<String> {
    let address: IpAddr = host.trim_matches(['[', ']']).parse().ok()?;
    let length = if address.is_ipv4() { 32 } else { 128 };
    Some(format!("{address}/{length}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_pool_core::settings::Environment;

    fn spec(pairs: &[(&str, &str)], server: &str) -> Value {
        let mut environment = Environment::from_iter([("KUBERNETES_IMAGE", "agent:1")]);
        for (name, value) in pairs {
            environment.set(*name, *value);
        }
        policy(
            "ap-dev-x",
            "agents",
            server,
            &Settings::read(&environment).unwrap(),
        )
    }

    #[test]
    fn another_instance_is_no_peer_even_in_an_allowed_namespace() {
        let spec = spec(&[("KUBERNETES_ALLOW_FROM", "namespace:agents")], "");
        let selector = &spec["ingress"][0]["from"][0]["podSelector"]["matchExpressions"][0];
        assert_eq!(
            *selector,
            json!({ "key": INSTANCE, "operator": "DoesNotExist" })
        );
    }

    #[test]
    fn an_empty_list_of_peers_allows_nobody() {
        let spec = spec(&[("KUBERNETES_ALLOW_FROM", ",")], "");
        assert_eq!(spec["ingress"], json!([]));
        assert_eq!(spec["policyTypes"], json!(["Ingress", "Egress"]));
    }

    #[test]
    fn metadata_addresses_and_the_api_server_are_closed() {
        let closed = |spec: &Value, family: usize| {
            spec["egress"][1]["to"][family]["ipBlock"]["except"].clone()
        };
        let public = spec(&[], "203.0.113.7");
        for range in ["169.254.0.0/16", "10.0.0.0/8", "203.0.113.7/32"] {
            assert!(
                closed(&public, 0)
                    .as_array()
                    .unwrap()
                    .contains(&range.into()),
                "{range}"
            );
        }
        let named = spec(
            &[("KUBERNETES_DENY_TO", "203.0.113.0/24, 2001:db8::/64")],
            "api.example.com",
        );
        for (family, range) in [(0, "203.0.113.0/24"), (1, "2001:db8::/64")] {
            let closed = closed(&named, family);
            assert!(closed.as_array().unwrap().contains(&range.into()));
            assert_eq!(closed.to_string().matches("203.0.113").count(), 1 - family);
        }
        let six = spec(&[], "[2001:db8::7]");
        for range in ["fc00::/7", "2001:db8::7/128"] {
            assert!(
                closed(&six, 1).as_array().unwrap().contains(&range.into()),
                "{range}"
            );
        }
    }

    #[test]
    fn what_is_allowed_besides_is_a_rule_of_its_own() {
        let spec = spec(
            &[("KUBERNETES_ALLOW_TO", "cidr:10.9.0.0/16,namespace:models")],
            "",
        );
        assert_eq!(spec["egress"][2]["to"][0]["ipBlock"]["cidr"], "10.9.0.0/16");
        assert_eq!(spec["egress"].as_array().unwrap().len(), 4);
    }
}
