use std::time::Duration;

use agent_pool_core::{ErrorKind, ProviderError};
use fake_cloud::{Body, Effect, FieldFault, RetryAfter};

/// The wait that a vendor asks for, in seconds. A date counts down while the answer is on its way, so it is far enough
/// for a busy machine.
const WAIT: u64 = 60;

/// One way in which a vendor may fail, and the error that a provider must return.
#[derive(Debug, Clone)]
pub(crate) struct BadDay {
    /// For the message of a failing test.
    pub(crate) name: &'static str,
    /// The vendor's behaviour.
    pub(crate) effect: Effect,
    kind: ErrorKind,
    /// Whether the request may have taken effect.
    unknown_effect: bool,
    /// A part of the error's message.
    says: &'static str,
    /// Whether the error has a wait.
    has_retry_after: bool,
}

impl BadDay {
    const fn new(name: &'static str, effect: Effect, kind: ErrorKind) -> Self {
        let unknown_effect = matches!(kind, ErrorKind::Unavailable);
        Self {
            name,
            effect,
            kind,
            unknown_effect,
            says: "",
            has_retry_after: false,
        }
    }

    const fn with_message(mut self, text: &'static str) -> Self {
        self.says = text;
        self
    }

    const fn with_retry_after(mut self) -> Self {
        self.has_retry_after = true;
        self
    }

    /// Time limit of a call that the vendor never answers. Long enough for a busy machine to send it.
    pub(crate) fn patience(&self) -> Option<Duration> {
        (self.effect == Effect::Hang).then_some(Duration::from_secs(4))
    }

    /// Asserts that `error` is the expected one.
    pub(crate) fn check(&self, error: &ProviderError, at: &str) {
        let message = format!("{} at {at}: {error}", self.name);
        assert_eq!(error.kind(), self.kind, "{message}");
        let unknown = error.effect() == agent_pool_core::Effect::Unknown;
        assert_eq!(unknown, self.unknown_effect, "{message}");
        assert!(message.contains(self.says), "{message}");
        assert!(
            !message.contains('<') && !message.contains("fake"),
            "tags or keys: {message}"
        );
        if self.has_retry_after {
            let wait = error.retry_after().unwrap_or_default();
            let span = Duration::from_secs(WAIT / 2)..=Duration::from_secs(WAIT);
            assert!(span.contains(&wait), "{message}: {wait:?}");
        }
    }
}

/// All of them.
pub(crate) fn bad_days() -> Vec<BadDay> {
    let fields = vec![FieldFault {
        field: "name".into(),
        message: "too odd".into(),
    }];
    let unprocessable = Effect::Status {
        status: 422,
        body: Body::Vendor,
        code: None,
        message: None,
        fields,
        retry_after: None,
    };
    let limited = |after| Effect::rate_limited(after);
    vec![
        BadDay::new("wrong key", Effect::status(401), ErrorKind::Unauthorized),
        BadDay::new("no credit", Effect::status(402), ErrorKind::Forbidden),
        BadDay::new("no permission", Effect::status(403), ErrorKind::Forbidden),
        BadDay::new("field errors", unprocessable, ErrorKind::Invalid).with_message("too odd"),
        BadDay::new(
            "429, seconds",
            limited(RetryAfter::Seconds(WAIT)),
            ErrorKind::RateLimited,
        )
        .with_retry_after(),
        BadDay::new(
            "429, date",
            limited(RetryAfter::DateInSeconds(WAIT)),
            ErrorKind::RateLimited,
        )
        .with_retry_after(),
        BadDay::new("broken", Effect::status(500), ErrorKind::Unavailable),
        BadDay::new("502 in HTML", Effect::html(502), ErrorKind::Unavailable).with_message("502"),
        BadDay::new("no answer", Effect::Hang, ErrorKind::Unavailable),
        BadDay::new("cut", Effect::Cut, ErrorKind::Unavailable),
    ]
}
