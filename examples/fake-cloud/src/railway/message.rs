//! The vendor's refusals: a message and always the same code, under HTTP 200 [O].

/// A business error. Only its message identifies it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refusal(pub(crate) String);

impl Refusal {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// An invalid token, no access, or a deleted resource: all the same [D][O].
    pub(crate) fn not_authorized() -> Self {
        Self::new("Not Authorized")
    }

    /// A request that takes too long: a 504 of the edge.
    pub(crate) fn too_slow() -> Self {
        Self::new(TOO_SLOW)
    }

    /// A resource that never existed [O].
    pub(crate) fn not_found(what: &str) -> Self {
        Self(format!("{what} not found"))
    }
}

/// Marks a request that is never answered.
pub(crate) const TOO_SLOW: &str = "upstream request timeout";
/// A plan's limit [O].
pub(crate) const PLAN_LIMIT: &str = "Resource provision limit exceeded. Please upgrade your plan";
/// Two projects created too quickly: the text of 2026 [O].
pub(crate) const PROJECT_QUOTA: &str =
    "You are creating projects too quickly. This workspace allows 1 project per 30 seconds";
/// Two changes of one environment at once [O].
pub(crate) const DOMAIN_RACE: &str = "Failed to create service domain, please try again";
/// A change of an environment while another one is under way [O].
pub(crate) const IN_PROGRESS: &str = "an operation is already in progress";
/// A deployment of a service with two volumes at one path [O].
pub(crate) const MOUNTED_TWICE: &str = "Failed to create deployment";
/// Two environments created too quickly [O].
pub(crate) const ENVIRONMENT_QUOTA: &str = "Only one environment can be created per user every 30s";
/// Two volumes created too quickly [O][U].
pub(crate) const VOLUME_QUOTA: &str =
    "Whoa there pal! You are creating volumes too quickly. Try again in a sec";
/// A deployment is in progress [U].
pub(crate) const IN_FLIGHT: &str =
    "Cannot redeploy yet, please wait for the original deployment to finish building";
/// There is no deployment yet [U].
pub(crate) const NO_SNAPSHOT: &str = "Cannot redeploy without a snapshot";
