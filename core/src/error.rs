//! The error of all providers: what failed, whether it may have taken effect, and when to try again.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::safe_line;
use crate::{InstanceId, ParseEnvNameError, ParseIdError};

/// The kind of failure. Callers treat each kind differently.
///
/// ```
/// use agent_pool_core::ErrorKind;
///
/// // A tool of the HTTP kit has the kind of each status already. Without it:
/// let error = ErrorKind::Unavailable.because("overloaded");
/// assert!(error.is_transient(), "the layers try again");
/// let error = ErrorKind::Unauthorized.because("no such key");
/// assert!(!error.is_transient(), "and do not");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The vendor does not accept our credentials. We must fix this, not our caller.
    Unauthorized,
    /// The vendor refuses: a permission, a quota, the account's state or credit.
    Forbidden,
    /// The resource does not exist.
    NotFound,
    /// The vendor's state prevents it: a name is taken, an operation is in progress.
    Conflict,
    /// The vendor rejects our request as invalid.
    Invalid,
    /// The vendor asks us to slow down.
    RateLimited,
    /// The vendor is down, unreachable, or did not answer in time.
    Unavailable,
    /// The vendor's answer could not be understood.
    Protocol,
    /// The provider does not have this optional operation.
    Unsupported,
    /// The provider itself is at fault: it panicked, or its answer breaks its contract. The maintainers of its crate
    /// must fix it.
    Defect,
}

impl ErrorKind {
    /// An error of this kind; see [`ProviderError::new`].
    ///
    /// ```
    /// use agent_pool_core::ErrorKind;
    ///
    /// let error = ErrorKind::Conflict.because("the name is taken");
    /// assert_eq!(error.kind(), ErrorKind::Conflict);
    /// ```
    pub fn because(self, message: impl Into<Cow<'static, str>>) -> ProviderError {
        ProviderError::new(self, message)
    }

    /// The kind as one lower-case word, for logs and metric labels.
    ///
    /// ```
    /// assert_eq!(agent_pool_core::ErrorKind::RateLimited.as_str(), "rate_limited");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Invalid => "invalid",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Protocol => "protocol",
            Self::Unsupported => "unsupported",
            Self::Defect => "defect",
        }
    }
}

/// Whether the operation may have taken effect although it failed.
///
/// ```
/// use agent_pool_core::{Effect, ErrorKind, ProviderError};
///
/// let lost = ProviderError::new(ErrorKind::Unavailable, "no answer");
/// assert_eq!(lost.effect(), Effect::Unknown);
/// let unsent = ErrorKind::Unavailable.because("no connection").with_effect(Effect::NotDone);
/// assert_eq!(unsent.effect(), Effect::NotDone);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It was not sent, or the vendor refused it: nothing happened.
    NotDone,
    /// It may have happened: a lost answer, a timeout, a 5xx. A caller that must not do it twice treats this as done.
    Unknown,
}

/// The error of every provider operation.
///
/// `Display` shows provider, operation and instance, as far as they are known, then the vendor's message. A provider
/// sets kind and message; its caller adds the rest with [`ProviderError::at`].
///
/// ```
/// use std::time::Duration;
/// use agent_pool_core::{ErrorKind, ProviderError};
///
/// let error = ProviderError::new(ErrorKind::RateLimited, "too many keys")
///     .with_retry_after(Duration::from_secs(30))
///     .at("acme", "provision", None);
/// assert_eq!(error.to_string(), "acme provision: rate limited: too many keys");
/// assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
/// ```
#[derive(Debug)]
pub struct ProviderError(Box<Inner>);

/// Boxed to keep `Result` small.
#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    effect: Effect,
    message: Cow<'static, str>,
    provider: Option<Cow<'static, str>>,
    operation: Option<&'static str>,
    instance: Option<InstanceId>,
    retry_after: Option<Duration>,
    /// Zero unless a layer gave up.
    attempts: u32,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl ProviderError {
    /// Maximum length of the vendor's message, in characters.
    const MESSAGE_LIMIT: usize = 300;

    /// An error of `kind`. `message` is usually the vendor's and must not contain secrets.
    ///
    /// [`ErrorKind::Unavailable`], [`ErrorKind::Protocol`] and [`ErrorKind::Defect`] start as [`Effect::Unknown`],
    /// all others as [`Effect::NotDone`].
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        let effect = match kind {
            ErrorKind::Unavailable | ErrorKind::Protocol | ErrorKind::Defect => Effect::Unknown,
            ErrorKind::Unauthorized
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::Invalid
            | ErrorKind::RateLimited
            | ErrorKind::Unsupported => Effect::NotDone,
        };
        let message = match message.into() {
            Cow::Borrowed(ours) => Cow::Borrowed(ours),
            Cow::Owned(foreign) => safe_line(&foreign, Self::MESSAGE_LIMIT).into_owned().into(),
        };
        Self(Box::new(Inner {
            kind,
            effect,
            message,
            provider: None,
            operation: None,
            instance: None,
            retry_after: None,
            attempts: 0,
            source: None,
        }))
    }

    /// The error of an optional operation that the provider does not have.
    ///
    /// ```
    /// use agent_pool_core::{ErrorKind, ProviderError};
    ///
    /// let error = ProviderError::unsupported("usage");
    /// assert_eq!((error.kind(), error.operation()), (ErrorKind::Unsupported, Some("usage")));
    /// ```
    #[must_use]
    pub fn unsupported(operation: &'static str) -> Self {
        let mut error = Self::new(ErrorKind::Unsupported, "this provider does not have it");
        error.0.operation = Some(operation);
        error
    }

    /// The error that a caller returns if a provider breaks its contract.
    pub(crate) fn defect(how: impl fmt::Display) -> Self {
        Self::new(
            ErrorKind::Defect,
            format!("{how} (to be mended in the provider's crate)"),
        )
    }

    /// Sets the effect, if the default of the kind is wrong.
    ///
    /// ```
    /// use agent_pool_core::{Effect, ErrorKind, ProviderError};
    ///
    /// // An answer that cannot be read, to a call that changes nothing:
    /// let error = ProviderError::new(ErrorKind::Protocol, "no JSON").with_effect(Effect::NotDone);
    /// assert_eq!(error.effect(), Effect::NotDone);
    /// ```
    #[must_use]
    pub fn with_effect(mut self, effect: Effect) -> Self {
        self.0.effect = effect;
        self
    }

    /// Sets how long the vendor asks us to wait.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Records that the operation was given up after this number of attempts. The first record wins.
    ///
    /// ```
    /// use agent_pool_core::{ErrorKind, ProviderError};
    ///
    /// let error = ProviderError::new(ErrorKind::Unavailable, "down").spent(4).spent(9);
    /// assert!(error.is_spent() && error.to_string().ends_with("(after 4 attempts)"), "{error}");
    /// assert!(error.is_transient(), "later, and not at once");
    /// ```
    #[must_use]
    pub fn spent(mut self, attempts: u32) -> Self {
        if self.0.attempts == 0 {
            self.0.attempts = attempts;
        }
        self
    }

    /// Adds the underlying error, which the logged chain includes.
    ///
    /// ```
    /// use agent_pool_core::{ErrorKind, ProviderError, chain};
    ///
    /// let source = "x".parse::<u8>().unwrap_err();
    /// let error = ProviderError::new(ErrorKind::Protocol, "no number").with_source(source);
    /// assert_eq!(error.to_string(), "provider: protocol: no number", "its source is not repeated");
    /// assert!(chain(&error).ends_with("no number: invalid digit found in string"));
    /// ```
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds provider, operation and instance. Values that are already set are kept, because the innermost layer knows
    /// best.
    ///
    /// ```
    /// use agent_pool_core::{ErrorKind, ProviderError};
    ///
    /// let error = ProviderError::new(ErrorKind::Conflict, "busy").at("acme", "list", None);
    /// let outer = error.at("layers", "provision", None);
    /// assert_eq!((outer.provider(), outer.operation()), (Some("acme"), Some("list")));
    /// ```
    #[must_use]
    pub fn at(
        mut self,
        provider: impl Into<Cow<'static, str>>,
        operation: &'static str,
        instance: Option<&InstanceId>,
    ) -> Self {
        self.0.provider.get_or_insert_with(|| provider.into());
        self.0.operation.get_or_insert(operation);
        if self.0.instance.is_none() {
            self.0.instance = instance.cloned();
        }
        self
    }

    /// The kind of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the operation may have taken effect anyway.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.0.effect
    }

    /// How long the vendor asks us to wait, if it says so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether a layer has given up. Outer layers then do not retry immediately.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.0.attempts > 0
    }

    /// The provider's id, if known.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.0.provider.as_deref()
    }

    /// The operation, if known.
    #[must_use]
    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation
    }

    /// Whether the same call may succeed later without any intervention. A conflict counts only if the vendor said
    /// how long it lasts.
    ///
    /// ```
    /// use std::time::Duration;
    /// use agent_pool_core::ErrorKind;
    ///
    /// let taken = ErrorKind::Conflict.because("the name is taken");
    /// assert!(!taken.is_transient());
    /// assert!(taken.with_retry_after(Duration::from_secs(2)).is_transient());
    /// ```
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self.0.kind {
            ErrorKind::RateLimited | ErrorKind::Unavailable => true,
            ErrorKind::Conflict => self.0.retry_after.is_some(),
            ErrorKind::Unauthorized
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::Invalid
            | ErrorKind::Protocol
            | ErrorKind::Unsupported
            | ErrorKind::Defect => false,
        }
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            kind,
            message,
            provider,
            operation,
            instance,
            attempts,
            ..
        } = &*self.0;
        write!(f, "{}", provider.as_deref().unwrap_or("provider"))?;
        if let Some(operation) = operation {
            write!(f, " {operation}")?;
        }
        if let Some(instance) = instance {
            write!(f, " for instance {instance}")?;
        }
        write!(f, ": {}: {message}", kind.as_str().replace('_', " "))?;
        if *attempts > 1 {
            write!(f, " (after {attempts} attempts)")?;
        }
        Ok(())
    }
}

impl StdError for ProviderError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Treats a deletion that found nothing to delete as done.
///
/// ```
/// use agent_pool_core::{ErrorKind, ProviderError, absent_is_done};
///
/// let gone = Err(ProviderError::new(ErrorKind::NotFound, "no such key"));
/// assert!(absent_is_done(gone).is_ok());
/// ```
///
/// # Errors
/// Errors of the deletion except [`ErrorKind::NotFound`].
pub fn absent_is_done(deletion: Result<(), ProviderError>) -> Result<(), ProviderError> {
    match deletion {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// For a vendor's id that does not fit our types.
impl From<ParseIdError> for ProviderError {
    fn from(error: ParseIdError) -> Self {
        Self::new(ErrorKind::Protocol, error.to_string())
    }
}

/// For an invalid variable name from a provider.
impl From<ParseEnvNameError> for ProviderError {
    fn from(error: ParseEnvNameError) -> Self {
        Self::new(ErrorKind::Protocol, error.to_string())
    }
}

/// Maximum length of a chain, in characters.
const CHAIN_LIMIT: usize = 4_000;

/// The whole chain of an error on one line, safe to log, display and store.
///
/// ```
/// use agent_pool_core::{ErrorKind, ProviderError, chain};
///
/// let error = ProviderError::new(ErrorKind::Unavailable, "no answer")
///     .with_source(std::io::Error::other("connection reset"));
/// assert_eq!(chain(&error), "provider: unavailable: no answer: connection reset");
/// ```
#[must_use]
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    let links = std::iter::successors(Some(error), |&error| error.source());
    let text = links
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ");
    safe_line(&text, CHAIN_LIMIT).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_vendor_operation_and_instance() {
        let id: InstanceId = "abcdefghijkl".parse().unwrap();
        let error = ProviderError::new(ErrorKind::RateLimited, "slow down")
            .at("railway", "create", Some(&id))
            .at("outer", "other", None);
        assert_eq!(
            error.to_string(),
            "railway create for instance abcdefghijkl: rate limited: slow down"
        );
    }

    #[test]
    fn a_vendors_message_is_one_line_that_can_be_stored() {
        let words = "quota\n2026-11-28 ERROR forged\u{1b}[2J\0".to_owned();
        let error = ProviderError::new(ErrorKind::Forbidden, words)
            .with_source(std::io::Error::other("first\nsecond"));
        let safe = "provider: forbidden: quota 2026-11-28 ERROR forged\u{fffd}";
        assert_eq!(error.to_string(), safe);
        assert_eq!(chain(&error), format!("{safe}: first second"));
    }

    #[test]
    fn an_error_after_the_last_attempt_says_how_many_there_were() {
        let error = ProviderError::new(ErrorKind::Unavailable, "down");
        assert!(!error.is_spent());
        let error = error.spent(3).spent(9);
        assert!(error.is_spent());
        assert!(
            error.to_string().ends_with("down (after 3 attempts)"),
            "{error}"
        );
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let error = ProviderError::new(ErrorKind::Invalid, "é".repeat(5_000));
        assert!(error.to_string().chars().count() < 400);
    }

    #[test]
    fn only_what_may_have_been_processed_has_an_unknown_effect() {
        let unknown = |kind| ProviderError::new(kind, "").effect() == Effect::Unknown;
        assert!(unknown(ErrorKind::Unavailable) && unknown(ErrorKind::Protocol));
        assert!(unknown(ErrorKind::Defect));
        assert!(!unknown(ErrorKind::RateLimited) && !unknown(ErrorKind::Conflict));
    }

    #[test]
    fn what_is_absent_is_deleted_and_nothing_else_is() {
        assert!(absent_is_done(Err(ProviderError::new(ErrorKind::NotFound, ""))).is_ok());
        assert!(absent_is_done(Err(ProviderError::new(ErrorKind::Forbidden, ""))).is_err());
    }

    #[test]
    fn a_conflict_is_transient_only_with_a_time() {
        let conflict = || ProviderError::new(ErrorKind::Conflict, "busy");
        assert!(!conflict().is_transient());
        assert!(
            conflict()
                .with_retry_after(Duration::from_secs(2))
                .is_transient()
        );
    }

    #[test]
    fn the_chain_goes_to_the_root() {
        let error = ProviderError::new(ErrorKind::Unavailable, "no answer")
            .with_source(std::io::Error::other("connection reset"));
        assert_eq!(
            chain(&error),
            "provider: unavailable: no answer: connection reset"
        );
    }
}
