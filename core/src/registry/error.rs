//! Why there is no registry, and why a provider cannot be had.

use crate::ToolId;
use crate::settings::SettingsError;

/// Why the linked providers do not make a registry.
///
/// ```
/// let error = agent_pool_core::registry::RegistryError::Duplicate {
///     kind: "tool",
///     id: "acme".to_owned(),
///     first: "provider-acme",
///     second: "acme-fork",
/// };
/// assert_eq!(
///     error.to_string(),
///     "tool \"acme\" is registered twice, by provider-acme and by acme-fork: link one of them"
/// );
/// ```
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

/// Why a provider cannot be had. All are the asker's to mend.
///
/// ```
/// use agent_pool_core::registry::{LookupError, Registry};
/// use agent_pool_core::settings::Environment;
///
/// let empty = Registry::of([], [], &Environment::default()).unwrap();
/// let error = empty.tool(&"acme".parse().unwrap()).unwrap_err();
/// assert!(matches!(error, LookupError::Unknown { .. }));
/// ```
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
    /// They cannot be had together.
    #[error(transparent)]
    Clash(#[from] Clash),
}

/// Two tools of one instance declare the same variable.
///
/// ```
/// let clash = agent_pool_core::registry::Clash {
///     tool: "bolt".parse().unwrap(),
///     other: "acme".parse().unwrap(),
///     variable: "LLM_KEY",
/// };
/// assert_eq!(
///     clash.to_string(),
///     "tools acme and bolt both set LLM_KEY: an instance can have one of them"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tools {other} and {tool} both set {variable}: an instance can have one of them")]
pub struct Clash {
    /// The tool that cannot be added.
    pub tool: ToolId,
    /// The tool before it.
    pub other: ToolId,
    /// What both set.
    pub variable: &'static str,
}
