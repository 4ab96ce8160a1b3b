//! The inside of an instance at a fake infra.

/// The state inside an instance, which the suite reads and disturbs. A fake keeps one for each of its machines,
/// answers the provider from it, and drops it with the machine.
/// provider from it, and drops it with the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FakeInstance {
    /// The image that runs.
    pub image: String,
    /// The content of a file in the data folder, once the suite has written it. It survives a deployment.
    pub data: Option<String>,
    /// The output of the program, oldest line first.
    pub lines: Vec<String>,
    /// Whether the program has ended. A deployment starts it again.
    pub has_ended: bool,
}
