//! How the containers of pods run.

use std::collections::BTreeMap;

/// One start of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The pod.
    pub pod: String,
    /// The id of the pod, which is another one for each deployment.
    pub pod_uid: String,
    /// The image.
    pub image: String,
    /// Its environment at the start.
    pub variables: BTreeMap<String, String>,
}

/// The fate of the pods with an image.
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
