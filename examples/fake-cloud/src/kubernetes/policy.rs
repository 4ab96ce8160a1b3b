//! Admission: the level `restricted` of pod security, and network policies.

use std::net::IpAddr;

use serde_json::{Value, json};

/// Whether a pod complies with the level `restricted` of the Pod Security Standards.
///
/// # Errors
/// The pod violates it; the error says how.
pub(super) fn restricted(pod: &Value) -> Result<(), String> {
    let refuse = |what: String| {
        Err(format!(
            "violates PodSecurity \"restricted:latest\": {what}"
        ))
    };
    let own = &pod["securityContext"];
    for member in ["hostNetwork", "hostPID", "hostIPC"] {
        if pod[member] == true {
            return refuse(member.to_owned());
        }
    }
    if own["seccompProfile"]["type"] != "RuntimeDefault"
        && own["seccompProfile"]["type"] != "Localhost"
    {
        return refuse("seccompProfile".to_owned());
    }
    if own["runAsNonRoot"] != true || own["runAsUser"] == 0 {
        return refuse("runAsNonRoot != true".to_owned());
    }
    for container in pod["containers"].as_array().into_iter().flatten() {
        let context = &container["securityContext"];
        if context["allowPrivilegeEscalation"] != false || context["privileged"] == true {
            return refuse("allowPrivilegeEscalation != false".to_owned());
        }
        let drops = context["capabilities"]["drop"].as_array();
        let adds = &context["capabilities"]["add"];
        if !drops.is_some_and(|all| all.contains(&json!("ALL"))) || !adds.is_null() {
            return refuse("unrestricted capabilities".to_owned());
        }
    }
    let volumes = pod["volumes"].as_array().into_iter().flatten();
    for volume in volumes {
        let allowed = [
            "configMap",
            "emptyDir",
            "persistentVolumeClaim",
            "projected",
            "secret",
        ];
        if !allowed.iter().any(|kind| !volume[kind].is_null()) {
            return refuse(format!("restricted volume types: {}", volume["name"]));
        }
    }
    Ok(())
}

/// Whether each exception of a network policy lies within its block.
///
/// # Errors
/// One does not; the error names it.
pub(super) fn network(spec: &Value) -> Result<(), String> {
    let rules = ["ingress", "egress"]
        .into_iter()
        .flat_map(|way| spec[way].as_array().into_iter().flatten());
    let peers = rules.flat_map(|rule| {
        ["from", "to"]
            .into_iter()
            .flat_map(|end| rule[end].as_array().into_iter().flatten())
    });
    for block in peers
        .map(|peer| &peer["ipBlock"])
        .filter(|block| !block.is_null())
    {
        let range = block["cidr"].as_str().unwrap_or_default();
        let outer = cidr(range).ok_or_else(|| format!("cidr: Invalid value: {range:?}"))?;
        for except in block["except"].as_array().into_iter().flatten() {
            let inner = except.as_str().and_then(cidr);
            if !inner.is_some_and(|inner| is_strictly_within(inner, outer)) {
                return Err(format!(
                    "except: Invalid value: {except}: must be a strict subset of `cidr`"
                ));
            }
        }
    }
    Ok(())
}

/// The address as left-aligned bits, the prefix length, and whether it is IPv4. The bits after the prefix must be zero.
fn cidr(text: &str) -> Option<(u128, u32, bool)> {
    let (address, length) = text.split_once('/')?;
    let length: u32 = length.parse().ok()?;
    let (bits, is_v4, longest) = match address.parse().ok()? {
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, true, 32),
        // The validation of newer versions refuses mapped addresses, and that of older ones misreads them.
        IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => return None,
        IpAddr::V6(address) => (address.to_bits(), false, 128),
    };
    let rest = bits.checked_shl(length).unwrap_or(0);
    (length <= longest && rest == 0).then_some((bits, length, is_v4))
}

fn is_strictly_within(inner: (u128, u32, bool), outer: (u128, u32, bool)) -> bool {
    let prefix = |bits: u128| bits.checked_shr(128 - outer.1).unwrap_or(0);
    inner.2 == outer.2 && inner.1 > outer.1 && prefix(inner.0) == prefix(outer.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(cidr: &str, except: &str) -> Value {
        json!({ "egress": [{ "to": [{ "ipBlock": { "cidr": cidr, "except": [except] } }] }] })
    }

    #[test]
    fn an_exception_lies_within_its_block() {
        for (cidr, except) in [
            ("0.0.0.0/0", "10.0.0.0/8"),
            ("10.0.0.0/8", "10.1.0.0/16"),
            ("::/0", "fc00::/7"),
        ] {
            assert_eq!(network(&policy(cidr, except)), Ok(()), "{except}");
        }
        for (cidr, except) in [
            ("10.0.0.0/8", "11.0.0.0/16"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("0.0.0.0/0", "fc00::/7"),
            ("0.0.0.0/0", "10.1.0.0/8"),
            ("::/0", "::ffff:0:0/96"),
        ] {
            assert!(network(&policy(cidr, except)).is_err(), "{except}");
        }
    }

    #[test]
    fn a_pod_that_may_be_root_is_not_restricted() {
        let good = json!({
            "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{ "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } } }],
        });
        assert_eq!(restricted(&good), Ok(()));
        for (path, value) in [
            ("/securityContext/runAsNonRoot", json!(false)),
            ("/securityContext/seccompProfile/type", json!("Unconfined")),
            (
                "/containers/0/securityContext/allowPrivilegeEscalation",
                json!(true),
            ),
            ("/containers/0/securityContext/capabilities/drop", json!([])),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(path).unwrap() = value;
            assert!(restricted(&bad).is_err(), "{path}");
        }
    }
}
