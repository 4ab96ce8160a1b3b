//! Errors of building the registry and of looking up a provider.

use crate::ToolId;
use crate::settings::SettingsError;

/// Why no registry can be built from the linked providers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Two crates register one id.
    #[error("{kind} {id:?} is registered twice, by {first} and by {second}: link one of them")]
    Duplicate {
        /// `tool` or `infra`.
        kind: &'static str,
        /// The id that both claim.
        id: String,
        /// One crate.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A registration's id or variable is malformed.
    #[error("{crate_name} registers a malformed {what}: {problem}")]
    Malformed {
        /// The crate.
        crate_name: &'static str,
        /// `id` or `env key`.
        what: &'static str,
        /// What was expected.
        problem: String,
    },
}

impl RegistryError {
    pub(super) fn malformed(
        crate_name: &'static str,
        what: &'static str,
        problem: impl ToString,
    ) -> Self {
        Self::Malformed {
            crate_name,
            what,
            problem: problem.to_string(),
        }
    }
}

/// Why a provider cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No linked crate registers this id.
    #[error("unknown {kind} {id:?}: this build has {known}")]
    Unknown {
        /// `tool` or `infra`.
        kind: &'static str,
        /// The requested ID.
        id: String,
        /// The known ids, as a list for people.
        known: String,
    },
    /// It is linked, but its settings are missing or wrong.
    #[error("{kind} {id:?} is not configured: {problem}")]
    Unconfigured {
        /// `tool` or `infra`.
        kind: &'static str,
        /// The requested ID.
        id: String,
        /// The variables at fault.
        problem: SettingsError,
    },
    /// Two tools that one instance cannot both have.
    #[error(transparent)]
    Clash(#[from] Clash),
}

/// Two tools of one instance declare the same variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tools {other} and {tool} both set {variable}: an instance can have one of them")]
pub struct Clash {
    /// The tool that cannot be added.
    pub tool: ToolId,
    /// The earlier tool.
    pub other: ToolId,
    /// The variable that both set.
    pub variable: &'static str,
}
