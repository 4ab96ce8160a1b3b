//! How the containers of pods run.

use std::collections::BTreeMap;

/// One start of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The pod.
    pub pod: String,
    /// The id of the pod: another one is another deployment.
    pub pod_uid: String,
    /// The image.
    pub image: String,
    /// The environment that it began with.
    pub variables: BTreeMap<String, String>,
}

/// What becomes of the pods with some image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// They run.
    Runs,
    /// The image cannot be pulled.
    NoImage,
    /// No node takes them.
    NoNode,
    /// They end with this exit code and reason, again and again.
    Crashes(i32, &'static str),
}
