//! Names and labels of an instance's objects at the engine.
//!
//! All objects of an instance have the same three labels. The network and the volume have the label of its mark as
//! their name; its containers have that name and a generation, because the variables of a container cannot be
//! changed: new variables need a new generation, and a deployment starts the newest one and removes the others.

use std::collections::HashMap;

use agent_pool_core::{Context, InstanceId, Mark};

/// The owner: the prefix of the mark, such as `ap-production-`.
pub(crate) const MARK: &str = "agent-pool.mark";
/// The instance's id.
pub(crate) const INSTANCE: &str = "agent-pool.instance";
/// The prefix of the names of the instance's objects, such as `ap-production-k3v9x0a1b2c3`.
pub(crate) const NAME: &str = "agent-pool.name";
/// On containers: the number of the generation.
pub(crate) const GENERATION: &str = "agent-pool.generation";
/// On containers: the published port.
pub(crate) const PORT: &str = "agent-pool.port";
/// On containers: the names of the instance's own variables, separated by commas. The engine and the image add
/// others.
pub(crate) const VARIABLES: &str = "agent-pool.variables";

/// The labels of all objects of an instance.
pub(crate) fn labels(mark: &Mark, instance: &InstanceId) -> HashMap<String, String> {
    let pairs = [
        (MARK, mark.prefix().to_owned()),
        (INSTANCE, instance.to_string()),
        (NAME, mark.label(instance)),
    ];
    pairs.map(|(key, value)| (key.to_owned(), value)).into()
}

/// A filter for lists: all objects of this environment.
pub(crate) fn filter_environment(cx: &Context) -> HashMap<&'static str, Vec<String>> {
    HashMap::from([("label", vec![format!("{MARK}={}", cx.mark().prefix())])])
}

/// A filter for lists: all objects with this name.
pub(crate) fn filter_name(name: &str) -> HashMap<&'static str, Vec<String>> {
    HashMap::from([("label", vec![format!("{NAME}={name}")])])
}

/// A filter for lists: all objects of any agent-pool on this engine.
pub(crate) fn filter_any() -> HashMap<&'static str, Vec<String>> {
    HashMap::from([("label", vec![MARK.to_owned()])])
}

/// Whether a name can be one of ours. The client does not encode names in paths, so nothing else is sent.
pub(crate) fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    !name.is_empty() && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_means_something_in_a_path_is_not_plain() {
        let mark = Mark::new(&"eu-west".parse().unwrap());
        assert!(is_plain(&mark.label(&InstanceId::generate())));
        for name in ["", "a/b", "a?b", "..", "a b", "a%2Fb"] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
