//! Cases: a provider reports each fault of a vendor as the contract says, and leaves nothing behind.

use std::time::Duration;

use super::bench::Bench;
use super::case::Case;
use super::harness::{Fault, RetryAfter};
use super::subject::Subject;
use super::verdict::{Tried, Verdict, ensure};
use crate::{Context, ErrorKind, InstanceId, ProviderError};

/// The vendor's `Retry-After`.
const WAIT: Duration = Duration::from_secs(30);
/// The deadline of a call when the vendor hangs.
const DEADLINE: Duration = Duration::from_millis(300);
/// The time after which a call has exceeded its deadline even on a slow machine.
const GRACE: Duration = Duration::from_secs(10);

const SLOW_DOWN: &str = "A vendor that asks to slow down is `RateLimited`, with the wait that it asks for, in seconds or as a date.";
const TOO_SOON: &str =
    "A client that retries too early is refused for longer; without the wait it can only guess.";
const DOWN: &str = "A vendor that is down or cuts the connection is `Unavailable`.";
const RETRIED: &str = "The layers retry only temporary failures: with another kind, an outage of one second fails a warm-up.";

pub(super) fn cases<S: Subject>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "wrong_key",
            promise: "A key that the vendor does not accept is `Unauthorized`.",
            matters: "The operator has to learn that the key is wrong; any other kind sends them looking elsewhere.",
            run: |bench| Box::pin(wrong_key(bench)),
        },
        Case {
            name: "rate_limited_seconds",
            promise: SLOW_DOWN,
            matters: TOO_SOON,
            run: |bench| Box::pin(rate_limited(bench, RetryAfter::Seconds(WAIT.as_secs()))),
        },
        Case {
            name: "rate_limited_date",
            promise: SLOW_DOWN,
            matters: TOO_SOON,
            run: |bench| {
                Box::pin(rate_limited(
                    bench,
                    RetryAfter::Date(chrono::Utc::now() + WAIT),
                ))
            },
        },
        Case {
            name: "unavailable",
            promise: DOWN,
            matters: RETRIED,
            run: |bench| Box::pin(kind(bench, Fault::Unavailable, ErrorKind::Unavailable)),
        },
        Case {
            name: "cut",
            promise: DOWN,
            matters: RETRIED,
            run: |bench| Box::pin(kind(bench, Fault::Cut, ErrorKind::Unavailable)),
        },
        Case {
            name: "not_json",
            promise: "An answer that cannot be understood is `Protocol`.",
            matters: "If a proxy's page counted as an empty list, every instance would look lost.",
            run: |bench| Box::pin(not_json(bench)),
        },
        Case {
            name: "deadline",
            promise: "A call ends by the deadline of its context, as `Unavailable`.",
            matters: "A vendor that hangs would hold the claim, the tick and the shutdown with it.",
            run: |bench| Box::pin(deadline(bench)),
        },
    ]
}

/// One call of each operation that must fail, with the operation's name.
async fn failures<S: Subject>(
    subject: &S,
    cx: &Context,
    instance: &InstanceId,
    made: &S::Ref,
) -> [(&'static str, Result<(), ProviderError>); 3] {
    [
        ("list", subject.list(cx).await.map(drop)),
        (S::MAKE, subject.make(cx, instance).await.map(drop)),
        ("destroy", subject.remove(cx, made).await),
    ]
}

fn has_kind(
    operation: &str,
    result: Result<(), ProviderError>,
    kind: ErrorKind,
) -> Result<ProviderError, Verdict> {
    let Err(error) = result else {
        return Err(Verdict::Broken(format!(
            "{operation} succeeded where {kind:?} was due"
        )));
    };
    ensure!(
        error.kind() == kind,
        "{operation} failed as {:?} where {kind:?} was due: {error}",
        error.kind()
    );
    Ok(error)
}

/// After the fault, the next attempt creates one resource.
async fn recovers<S: Subject>(bench: &Bench<S>, instance: &InstanceId) -> Tried {
    bench.subject.harness().heal().await;
    let made = bench.make(instance).await?;
    bench.has_one(&made).await
}

async fn wrong_key<S: Subject>(bench: &Bench<S>) -> Tried {
    let wrong = bench.subject.rebuilt(&bench.wrong_keys()?);
    let wrong = wrong.map_err(|error| Verdict::Broken(error.to_string()))?;
    let made = bench.make_one().await?;
    let instance = InstanceId::generate();
    for (operation, result) in failures(&wrong, &bench.cx, &instance, &made).await {
        has_kind(operation, result, ErrorKind::Unauthorized)?;
    }
    if let Some(verified) = wrong.verify(&bench.cx).await {
        has_kind("verify", verified, ErrorKind::Unauthorized)?;
    }
    recovers(bench, &instance).await
}

async fn rate_limited<S: Subject>(bench: &Bench<S>, form: RetryAfter) -> Tried {
    let made = bench.make_one().await?;
    bench.fault(Fault::RateLimited(form)).await?;
    let instance = InstanceId::generate();
    for (operation, result) in failures(&bench.subject, &bench.cx, &instance, &made).await {
        let error = has_kind(operation, result, ErrorKind::RateLimited)?;
        let wait = error.retry_after();
        let fits = wait.is_some_and(|wait| !wait.is_zero() && wait <= WAIT);
        ensure!(
            fits,
            "{operation} reports a wait of {wait:?}, but the vendor requested {WAIT:?}"
        );
    }
    recovers(bench, &instance).await
}

async fn kind<S: Subject>(bench: &Bench<S>, fault: Fault, kind: ErrorKind) -> Tried {
    let made = bench.make_one().await?;
    bench.fault(fault).await?;
    let instance = InstanceId::generate();
    for (operation, result) in failures(&bench.subject, &bench.cx, &instance, &made).await {
        has_kind(operation, result, kind)?;
    }
    recovers(bench, &instance).await
}

/// Leaves out `destroy`, which may not need the body of a success.
async fn not_json<S: Subject>(bench: &Bench<S>) -> Tried {
    bench.fault(Fault::NotJson).await?;
    let instance = InstanceId::generate();
    let listed = bench.subject.list(&bench.cx).await.map(drop);
    has_kind("list", listed, ErrorKind::Protocol)?;
    let made = bench.subject.make(&bench.cx, &instance).await.map(drop);
    has_kind(S::MAKE, made, ErrorKind::Protocol)?;
    recovers(bench, &instance).await
}

async fn deadline<S: Subject>(bench: &Bench<S>) -> Tried {
    let made = bench.make_one().await?;
    bench.fault(Fault::Hang).await?;
    let instance = InstanceId::generate();
    for operation in ["list", S::MAKE, "destroy"] {
        let cx = bench.cx.within(DEADLINE);
        let call = async {
            match operation {
                "list" => bench.subject.list(&cx).await.map(drop),
                "destroy" => bench.subject.remove(&cx, &made).await,
                _ => bench.subject.make(&cx, &instance).await.map(drop),
            }
        };
        let Ok(result) = tokio::time::timeout(GRACE, call).await else {
            let how = format!("{operation} had {DEADLINE:?} and went on for {GRACE:?}");
            return Err(Verdict::Broken(how));
        };
        has_kind(operation, result, ErrorKind::Unavailable)?;
    }
    recovers(bench, &instance).await
}
