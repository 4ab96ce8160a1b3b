//! An instance at a fake infra, from inside.

/// What runs in an instance, as the suite looks at it and disturbs it. A fake keeps one for each of its machines, answers the
/// provider from it, and drops it with the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FakeInstance {
    /// The image that runs.
    pub image: String,
    /// A file in the data folder, once the suite has written it. It outlives a deployment.
    pub data: Option<String>,
    /// What the program has written, oldest line first.
    pub lines: Vec<String>,
    /// Whether the program has ended. A deployment starts it again.
    pub has_ended: bool,
}
