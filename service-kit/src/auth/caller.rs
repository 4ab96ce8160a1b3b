//! The sender of a request, before its key is verified.

use std::net::IpAddr;
use std::sync::Arc;

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use metrics::counter;
use tracing::warn;
use warp::Filter;
use warp::filters::BoxedFilter;

use super::{ApiKeys, Guesses, Principal, Source};

/// The sender of a request, before its key is verified.
#[derive(Debug, Clone)]
pub struct Caller {
    source: Option<IpAddr>,
    guesses: Option<Arc<Guesses>>,
}

/// Why a caller was refused, as counted by the metric.
#[derive(Debug, Clone, Copy)]
pub(super) enum Refusal {
    NoKey,
    WrongKey,
    HeldBack,
}

/// The caller of each request.
pub fn caller() -> BoxedFilter<(Caller,)> {
    warp::ext::optional::<Source>()
        .and(warp::ext::optional::<Arc<Guesses>>())
        .map(|source: Option<Source>, guesses| Caller {
            source: source.map(|Source(address)| address),
            guesses,
        })
        .boxed()
}

impl Caller {
    /// The address, as far as it is known.
    #[must_use]
    pub const fn source(&self) -> Option<IpAddr> {
        self.source
    }

    /// Verifies `key`. Returns the principal that it belongs to.
    ///
    /// # Errors
    /// 401 `unauthorized` if the key is not one of `keys`; 429 `too_many_wrong_keys` once the source has presented many
    /// wrong ones: then only keys pass that this source has presented before.
    pub fn present(&self, keys: &ApiKeys, key: &str) -> Result<Principal, Problem> {
        let name = keys.name_of(key);
        if let Err(held_back) = self.may_present() {
            let knows = |(source, guesses): (IpAddr, &Guesses)| {
                name.is_some_and(|name| guesses.knows(source, name))
            };
            if !self.guesses().is_some_and(knows) {
                count(Refusal::HeldBack);
                return Err(held_back);
            }
        }
        if let Some(name) = name {
            if let Some((source, guesses)) = self.guesses() {
                guesses.accept(source, name);
            }
            let principal = Principal {
                name: name.to_owned(),
                source: self.source,
            };
            principal.enter();
            return Ok(principal);
        }
        if let Some((source, guesses)) = self.guesses() {
            guesses.record(source);
        }
        count(Refusal::WrongKey);
        let source = self
            .source
            .map_or("unknown".to_owned(), |it| it.to_string());
        warn!(source, "{source} presented a wrong key");
        let detail = "the key is not accepted: compare it with POOL_API_KEY";
        Err(Problem::new(ProblemCode::Unauthorized, detail))
    }

    /// Whether a key from this source may be checked now.
    pub(super) fn may_present(&self) -> Result<(), Problem> {
        let waits = |(source, guesses): (IpAddr, &Guesses)| guesses.wait(source);
        let Some(wait) = self.guesses().and_then(waits) else {
            return Ok(());
        };
        let detail =
            "too many wrong keys came from this address: correct the key, and try again later";
        Err(Problem::new(ProblemCode::TooManyWrongKeys, detail).with_retry_after(wait))
    }

    fn guesses(&self) -> Option<(IpAddr, &Guesses)> {
        Some((self.source?, self.guesses.as_deref()?))
    }
}

pub(super) fn count(refusal: Refusal) {
    let reason = match refusal {
        Refusal::NoKey => "no_key",
        Refusal::WrongKey => "wrong_key",
        Refusal::HeldBack => "held_back",
    };
    counter!("agent_pool_auth_failures_total", "reason" => reason).increment(1);
}
