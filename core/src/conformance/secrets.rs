//! No output of a provider contains a secret.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::Subscriber;
use tracing::instrument::WithSubscriber;
use tracing_subscriber::fmt::format::FmtSpan;

use super::bench::{Bench, WRONG_KEY, must};
use super::case::Case;
use super::harness::{Fault, RetryAfter};
use super::subject::{Subject, Tour};
use super::verdict::{Tried, Verdict, ensure};
use crate::{InstanceId, ProviderError, Secret, chain};

pub(super) fn cases<S: Subject>() -> Vec<Case<S>> {
    vec![Case {
        name: "no_secret_shown",
        promise: "No secret appears in `Debug` output, an error or a trace.",
        matters: "Logs are read, shipped and kept by people and systems that may not have the keys.",
        run: |bench| Box::pin(none_shown(bench)),
    }]
}

async fn none_shown<S: Subject>(bench: &Bench<S>) -> Tried {
    let log = Log::default();
    let Tour {
        mut shown,
        mut secrets,
    } = everything(bench).with_subscriber(log.subscriber()).await?;
    shown.push(("a trace", log.text()));
    shown.push(("the provider's Debug", bench.subject.debug_output()));
    secrets.extend(bench.secrets());
    for (name, secret) in secrets
        .iter()
        .filter(|(_, secret)| !secret.expose().is_empty())
    {
        let leak = shown
            .iter()
            .find(|(_, text)| text.contains(secret.expose()));
        let place = leak.map_or("", |leak| leak.0);
        ensure!(leak.is_none(), "{}", describe_leak(name, place, secret));
    }
    Ok(())
}

/// A secret with fewer bytes may be part of an ordinary word.
const SHORT: usize = 8;

fn describe_leak(name: &str, place: &str, secret: &Secret) -> String {
    let hint = match secret.expose().len() {
        ..SHORT => "; its value is short and may be there by chance: take one that is not a word",
        _ => "",
    };
    format!("the secret {name} is in {place}{hint}")
}

async fn everything<S: Subject>(bench: &Bench<S>) -> Result<Tour, Verdict> {
    let (subject, cx) = (&bench.subject, &bench.cx);
    let instance = InstanceId::generate();
    let mut tour = must("a call", subject.call_all_operations(cx, &instance).await)?;
    let made = bench.make(&instance).await?;
    for fault in [
        Fault::RateLimited(RetryAfter::Seconds(1)),
        Fault::Unavailable,
        Fault::Cut,
        Fault::NotJson,
    ] {
        if subject.harness().fault(fault).await.is_ok() {
            tell(&mut tour, subject.list(cx).await);
            tell(&mut tour, subject.make(cx, &instance).await);
            tell(&mut tour, subject.remove(cx, &made).await);
            subject.harness().heal().await;
        }
    }
    if let Some(wrong) = bench
        .wrong_keys()
        .ok()
        .and_then(|keys| subject.rebuilt(&keys).ok())
    {
        tour.secrets
            .push(("wrong key".to_owned(), Secret::new(WRONG_KEY)));
        tell(&mut tour, wrong.make(cx, &instance).await);
    }
    bench.remove(&made).await?;
    Ok(tour)
}

fn tell<T>(tour: &mut Tour, result: Result<T, ProviderError>) {
    if let Err(error) = result {
        tour.shown.push(("an error's text", chain(&error)));
        tour.shown.push(("an error's Debug", format!("{error:?}")));
    }
}

/// Collects all traces.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn subscriber(&self) -> impl Subscriber + Send + Sync + 'static {
        let log = self.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(FmtSpan::NEW | FmtSpan::CLOSE)
            .with_ansi(false)
            .with_writer(move || log.clone())
            .finish()
    }

    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_may_be_found_by_chance_is_reported_as_such() {
        let describe = |secret| describe_leak("ACME_ADMIN_KEY", "a trace", &Secret::new(secret));
        assert_eq!(
            describe("sk-fake-31c7"),
            "the secret ACME_ADMIN_KEY is in a trace"
        );
        assert!(describe("admin").ends_with("by chance: take one that is not a word"));
    }
}
