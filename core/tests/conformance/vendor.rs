//! An in-memory vendor: it has pages, creates two resources of one name if asked twice, and misbehaves on request.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use agent_pool_core::conformance::{Fault, Held, RetryAfter};
use agent_pool_core::{Context, EnvVars, ErrorKind, InfraOptions, ProviderError, Secret};

pub(crate) const KEY: &str = "the-key-of-the-account";
pub(crate) const PAGE: usize = 5;

/// The vendor's message when it refuses.
pub(crate) const IN_SECONDS: &str = "slow down for so many seconds";
pub(crate) const BY_DATE: &str = "slow down until then";
pub(crate) const STATUS_500: &str = "an error of the server";
pub(crate) const CUT: &str = "connection closed";

#[derive(Debug, Clone, Default)]
pub(crate) struct Thing {
    pub(crate) kind: &'static str,
    pub(crate) label: String,
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) variables: EnvVars,
    pub(crate) deployments: Vec<EnvVars>,
    pub(crate) image: String,
    pub(crate) options: InfraOptions,
    /// The content of its data folder, and its output.
    pub(crate) data: Option<String>,
    pub(crate) lines: Vec<String>,
    pub(crate) ended: bool,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) things: Vec<Thing>,
    pub(crate) gone: Vec<Thing>,
    made: usize,
    fault: Option<Fault>,
}

impl State {
    pub(crate) fn create(&mut self, kind: &'static str, label: &str) {
        self.made += 1;
        let number = self.made;
        self.things.push(Thing {
            kind,
            label: label.to_owned(),
            id: format!("{kind}-x{number}"),
            secret: format!("secret-text-{number}"),
            ..Thing::default()
        });
    }

    pub(crate) fn delete(&mut self, id: &str) -> Result<(), ProviderError> {
        let at = self.things.iter().position(|thing| thing.id == id);
        let at = at.ok_or_else(|| ProviderError::new(ErrorKind::NotFound, "no such thing"))?;
        let thing = self.things.remove(at);
        self.gone.push(thing);
        Ok(())
    }

    pub(crate) fn thing(&mut self, id: &str) -> Result<&mut Thing, ProviderError> {
        let found = self.things.iter_mut().find(|thing| thing.id == id);
        found.ok_or_else(|| ProviderError::new(ErrorKind::NotFound, "no such thing"))
    }

    pub(crate) fn page(&self, at: usize) -> Vec<Thing> {
        self.things.iter().skip(at).take(PAGE).cloned().collect()
    }
}

#[derive(Default)]
pub(crate) struct Vendor(Mutex<State>);

impl Vendor {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn held(&self) -> Vec<Held> {
        let state = self.state();
        let held = state.things.iter().map(|thing| Held {
            kind: thing.kind,
            label: thing.label.clone(),
        });
        held.collect()
    }

    pub(crate) fn set_fault(&self, fault: Option<Fault>) {
        self.state().fault = fault;
    }

    /// One request: the key, the fault, the effect, the answer, and a pause before and after.
    pub(crate) async fn call<T>(
        &self,
        cx: &Context,
        key: &Secret,
        operation: &str,
        act: impl FnOnce(&mut State) -> Result<T, ProviderError>,
    ) -> Result<T, ProviderError> {
        tokio::task::yield_now().await;
        if key.expose() != KEY {
            return Err(ProviderError::new(ErrorKind::Unauthorized, "no such key"));
        }
        let fault = self.state().fault;
        match fault {
            Some(Fault::LostAnswer(lost)) if lost != operation => {}
            Some(Fault::LostAnswer(_)) => {
                let mut state = self.state();
                state.fault = None;
                act(&mut state)?;
                return Err(down("no answer"));
            }
            Some(Fault::Hang) => {
                match cx.remaining() {
                    Some(left) => tokio::time::sleep(left).await,
                    None => std::future::pending().await,
                }
                return Err(down("no answer"));
            }
            Some(fault) => return Err(refusal(fault)),
            None => {}
        }
        let answer = act(&mut self.state());
        tokio::task::yield_now().await;
        answer
    }
}

fn down(how: &'static str) -> ProviderError {
    ProviderError::new(ErrorKind::Unavailable, how)
}

fn refusal(fault: Fault) -> ProviderError {
    match fault {
        Fault::RateLimited(form) => {
            let (asked, wait) = match form {
                RetryAfter::Seconds(seconds) => (IN_SECONDS, Duration::from_secs(seconds)),
                RetryAfter::Date(at) => {
                    let left = (at - chrono::Utc::now()).to_std();
                    (BY_DATE, left.unwrap_or_default())
                }
            };
            ProviderError::new(ErrorKind::RateLimited, asked).with_retry_after(wait)
        }
        Fault::NotJson => ProviderError::new(ErrorKind::Protocol, "answered a page"),
        Fault::Unavailable => down(STATUS_500),
        Fault::Cut => down(CUT),
        Fault::Hang | Fault::LostAnswer(_) => down("no answer"),
    }
}
