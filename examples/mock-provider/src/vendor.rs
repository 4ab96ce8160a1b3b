//! An in-memory imitation of a vendor's API: resources by name, with latency and failures on request.
//! A real provider has HTTP calls through [`agent_pool_core::Context::http`] in its place.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agent_pool_core::{Context, ErrorKind, ProviderError};
use tokio::time::{sleep, timeout};

use crate::Settings;

/// A vendor that holds one thing of type `T` per name.
pub struct Vendor<T>(Mutex<State<T>>);

struct State<T> {
    things: BTreeMap<String, T>,
    latency: Duration,
    fail_rate: f64,
    planned: VecDeque<Fault>,
    lasting: Option<Fault>,
}

#[derive(Clone, Copy)]
enum Fault {
    /// With the time that the vendor asks to wait.
    Refused(ErrorKind, Option<Duration>),
    AnswerLost,
}

impl<T> Vendor<T> {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self(Mutex::new(State {
            things: BTreeMap::new(),
            latency: settings.latency_ms.duration(),
            fail_rate: settings.fail_rate,
            planned: VecDeque::new(),
            lasting: None,
        }))
    }

    /// Answers every call from now on after `latency`.
    pub fn take_time(&self, latency: Duration) {
        self.state().latency = latency;
    }

    /// Refuses the next call without a planned outcome, before it has an effect.
    pub fn refuse_next(&self, kind: ErrorKind) {
        let refusal = Fault::Refused(kind, None);
        self.state().planned.push_back(refusal);
    }

    /// Refuses every call from now on, with a `Retry-After` if one is given.
    pub fn refuse_all(&self, kind: ErrorKind, retry_after: Option<Duration>) {
        self.state().lasting = Some(Fault::Refused(kind, retry_after));
    }

    /// Lets the next call without a planned outcome take effect, and loses the answer.
    pub fn lose_next_answer(&self) {
        self.state().planned.push_back(Fault::AnswerLost);
    }

    /// Answers every call from now on immediately and correctly, except for random failures.
    pub fn recover(&self) {
        let mut state = self.state();
        state.latency = Duration::ZERO;
        state.planned.clear();
        state.lasting = None;
    }

    /// One call: waits, then does `act` and answers, or fails as planned or by chance.
    pub(crate) async fn call<R>(
        &self,
        cx: &Context,
        act: impl FnOnce(&mut BTreeMap<String, T>) -> R,
    ) -> Result<R, ProviderError> {
        self.wait(cx).await?;
        let mut state = self.state();
        let fault = state.next_fault();
        if let Some(Fault::Refused(kind, retry_after)) = fault {
            let refusal = ProviderError::new(kind, "the mock vendor refuses");
            return Err(match retry_after {
                Some(wait) => refusal.with_retry_after(wait),
                None => refusal,
            });
        }
        let answer = act(&mut state.things);
        match fault {
            Some(_) => Err(down("the mock vendor's answer was lost")),
            None => Ok(answer),
        }
    }

    /// Waits for the latency of the vendor, but no longer than the deadline of the caller.
    async fn wait(&self, cx: &Context) -> Result<(), ProviderError> {
        let answer = sleep(self.state().latency);
        let patience = cx.remaining().unwrap_or(Duration::MAX);
        let late = |_| down("the mock vendor did not answer in time");
        timeout(patience, answer).await.map_err(late)
    }

    /// Everything that the vendor holds, by name.
    pub fn names(&self) -> Vec<String> {
        self.state().things.keys().cloned().collect()
    }

    /// The resource with this name.
    pub fn get(&self, name: &str) -> Option<T>
    where
        T: Clone,
    {
        self.state().things.get(name).cloned()
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn next_fault(&mut self) -> Option<Fault> {
        let by_chance = || {
            if rand::random() {
                Fault::Refused(ErrorKind::Unavailable, None)
            } else {
                Fault::AnswerLost
            }
        };
        let unlucky = rand::random_bool(self.fail_rate);
        let meant = self.planned.pop_front().or(self.lasting);
        meant.or_else(|| unlucky.then(by_chance))
    }
}

/// Only names: the resources may be secrets.
impl<T> fmt::Debug for Vendor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.state().things.keys()).finish()
    }
}

fn down(problem: &'static str) -> ProviderError {
    ProviderError::new(ErrorKind::Unavailable, problem)
}

/// The error for a name that the vendor does not have.
pub(crate) fn unknown() -> ProviderError {
    ProviderError::new(
        ErrorKind::NotFound,
        "the mock vendor has no resource of this name",
    )
}

/// The vendor's name as one of our ids.
pub(crate) fn id<I: FromStr<Err: Error + Send + Sync + 'static>>(
    name: &str,
) -> Result<I, ProviderError> {
    name.parse().map_err(|error| {
        ProviderError::new(ErrorKind::Protocol, "a malformed name").with_source(error)
    })
}
