use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::{ErrorKind, ProviderError};
use fake_cloud::{Body, CloudState, Effect, FieldFault, RetryAfter};
use tokio::task::JoinSet;

use crate::Lab;

/// Checks a provider for every failure at each of `steps` (operations of a provision) and at `removal`: the right error, one
/// call and no more, one resource after the next attempt, and none after its destruction. `held` counts the vendor's
/// resources.
pub async fn on_bad_days<F>(
    lab: impl Fn() -> F + Send + Sync + 'static,
    steps: &'static [&'static str],
    removal: &'static str,
    held: fn(&CloudState) -> usize,
) where
    F: Future<Output = Lab> + Send + 'static,
{
    let lab = Arc::new(lab);
    for day in bad_days() {
        let mut tests = JoinSet::new();
        for step in steps {
            let (lab, day) = (Arc::clone(&lab), day.clone());
            tests.spawn(async move { one_day(lab().await, &day, step, removal, held).await });
        }
        tests.join_all().await;
    }
}

async fn one_day(
    lab: Lab,
    day: &BadDay,
    step: &str,
    removal: &str,
    held: fn(&CloudState) -> usize,
) {
    let (name, held) = (day.name, || held(&lab.cloud.state()));
    lab.fails(step, day.effect.clone());
    day.check(&lab.provision_on(day).await.unwrap_err(), step);
    assert_eq!(lab.calls(step), 1, "{name} at {step}");
    let tool = lab.provision().await.unwrap();
    assert_eq!(held(), 1, "{name} at {step}");
    lab.fails(removal, day.effect.clone());
    day.check(&lab.destroy_on(day, &tool).await.unwrap_err(), removal);
    lab.destroy(&tool).await.unwrap();
    assert_eq!(held(), 0, "{name} at {step}");
    lab.finish();
}

/// One way in which a vendor may fail, and the error that a provider has to make of it.
#[derive(Debug, Clone)]
pub(crate) struct BadDay {
    /// For the message of a failing test.
    pub(crate) name: &'static str,
    /// What the vendor does.
    pub(crate) effect: Effect,
    kind: ErrorKind,
    /// Whether the request may have taken effect.
    may_have_happened: bool,
    /// What the error says.
    says: &'static str,
    /// Whether the error tells when to come back.
    tells_when: bool,
}

impl BadDay {
    const fn new(name: &'static str, effect: Effect, kind: ErrorKind) -> Self {
        let may_have_happened = matches!(kind, ErrorKind::Unavailable);
        Self {
            name,
            effect,
            kind,
            may_have_happened,
            says: "",
            tells_when: false,
        }
    }

    const fn saying(mut self, text: &'static str) -> Self {
        self.says = text;
        self
    }

    const fn telling_when(mut self) -> Self {
        self.tells_when = true;
        self
    }

    /// How long a call may take that the vendor never answers. Long enough for a busy machine to send it.
    pub(crate) fn patience(&self) -> Option<Duration> {
        (self.effect == Effect::Hang).then_some(Duration::from_secs(4))
    }

    /// Wants `error` to be what this day calls for.
    pub(crate) fn check(&self, error: &ProviderError, at: &str) {
        let told = format!("{} at {at}: {error}", self.name);
        assert_eq!(error.kind(), self.kind, "{told}");
        let unknown = error.effect() == agent_pool_core::Effect::Unknown;
        assert_eq!(unknown, self.may_have_happened, "{told}");
        assert!(told.contains(self.says), "{told}");
        assert!(
            !told.contains('<') && !told.contains("fake"),
            "tags or keys: {told}"
        );
        if self.tells_when {
            let wait = error.retry_after().unwrap_or_default();
            let span = Duration::from_secs(1)..=Duration::from_secs(3);
            assert!(span.contains(&wait), "{told}: {wait:?}");
        }
    }
}

/// Each of them.
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
        BadDay::new("field errors", unprocessable, ErrorKind::Invalid).saying("too odd"),
        BadDay::new(
            "429, seconds",
            limited(RetryAfter::Seconds(3)),
            ErrorKind::RateLimited,
        )
        .telling_when(),
        BadDay::new(
            "429, date",
            limited(RetryAfter::DateInSeconds(3)),
            ErrorKind::RateLimited,
        )
        .telling_when(),
        BadDay::new("broken", Effect::status(500), ErrorKind::Unavailable),
        BadDay::new("502 in HTML", Effect::html(502), ErrorKind::Unavailable).saying("502"),
        BadDay::new("no answer", Effect::Hang, ErrorKind::Unavailable),
        BadDay::new("cut", Effect::Cut, ErrorKind::Unavailable),
    ]
}
