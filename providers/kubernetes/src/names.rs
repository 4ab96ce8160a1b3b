//! Names, labels and annotations of an instance's objects in the cluster.
//!
//! Every object of an instance has the label of its mark as its name, and the same labels.

use agent_pool_core::{InstanceId, Mark};
use serde_json::{Value, json};

/// The owner: the prefix of the mark without its trailing `-`, which a label's value may not have. It is a filter and
/// no proof.
pub(crate) const MARK: &str = "agent-pool.mark";
/// The instance's id.
pub(crate) const INSTANCE: &str = "agent-pool.instance";
/// The name of all objects of the instance, such as `ap-production-k3v9x0a1b2c3`.
pub(crate) const NAME: &str = "agent-pool.name";
/// Annotation of pods: when their deployment was requested.
pub(crate) const DEPLOYED_AT: &str = "agent-pool.deployed-at";

/// The name under which the API server records the fields that are ours.
pub(crate) const FIELD_MANAGER: &str = "agent-pool";
/// The container that runs the image.
pub(crate) const CONTAINER: &str = "agent";

/// The labels of all objects of an instance.
pub(crate) fn labels(mark: &Mark, instance: &InstanceId) -> Value {
    json!({
        MARK: mark_value(mark),
        INSTANCE: instance.as_str(),
        NAME: mark.label(instance),
        "app.kubernetes.io/managed-by": FIELD_MANAGER,
    })
}

/// Selects all objects of this environment, and possibly those of others with a similar name.
pub(crate) fn selector(mark: &Mark) -> String {
    format!("{MARK}={}", mark_value(mark))
}

fn mark_value(mark: &Mark) -> &str {
    mark.prefix().trim_end_matches('-')
}

/// Whether a name can be one of ours. Names are not encoded in paths, so nothing else is sent.
pub(crate) fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_is_one_that_kubernetes_takes() {
        let mark = Mark::new(&"odd--".parse().unwrap());
        let labels = labels(&mark, &InstanceId::generate());
        for value in labels.as_object().unwrap().values() {
            let value = value.as_str().unwrap();
            let ends = [value.chars().next(), value.chars().last()];
            assert!(
                value.len() <= 63 && ends.iter().flatten().all(char::is_ascii_alphanumeric),
                "{value}"
            );
        }
    }

    #[test]
    fn a_name_that_means_something_in_a_path_is_not_plain() {
        let mark = Mark::new(&"eu-west".parse().unwrap());
        assert!(is_plain(&mark.label(&InstanceId::generate())));
        for name in ["", "a/b", "a?b", "..", "a b", "a%2Fb", "a#b"] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
