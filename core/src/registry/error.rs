//! Why there is no registry, and why a provider cannot be had.

use crate::settings::SettingsError;

/// Why the linked providers do not make a registry.
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

/// Why a provider cannot be had. Both are the asker's to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No linked crate registers this id.
    #[error("unknown {kind} {id:?}: this build has {known}")]
    Unknown {
        /// `tool` or `infra`.
        kind: &'static str,
        /// What was asked for.
        id: String,
        /// What there is, as a list for people.
        known: String,
    },
    /// It is there, and its settings are missing or wrong.
    #[error("{kind} {id:?} is not configured: {problem}")]
    Unconfigured {
        /// `tool` or `infra`.
        kind: &'static str,
        /// What was asked for.
        id: String,
        /// The variables at fault.
        problem: SettingsError,
    },
}
