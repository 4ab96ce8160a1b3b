//! The context that a provider receives with every call, so that it needs no state or client of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::section::LocalSections;
use crate::{Entry, ErrorKind, Mark, ProviderError, Section, Sections};

/// The context of one provider call: the mark, the HTTP client, the deadline.
///
/// A call is cancelled by dropping its future. A provider must not spawn a task that outlives the call.
///
/// ```
/// use std::time::Duration;
/// use agent_pool_core::{Context, InstanceId, Mark, http};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mark = Mark::new(&"production".parse()?);
/// let cx = Context::new(mark, http::client()?).within(Duration::from_secs(30));
/// let instance: InstanceId = "k3v9x0a1b2c3".parse()?;
/// assert_eq!(cx.mark().label(&instance), "ap-production-k3v9x0a1b2c3");
/// assert!(cx.remaining() <= Some(Duration::from_secs(30)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Context {
    mark: Mark,
    http: reqwest::Client,
    deadline: Option<Instant>,
    attempt: Attempt,
    sections: Arc<dyn Sections>,
}

/// Time that a caller of [`Context::enter`] needs for the work itself.
const TIME_FOR_WORK: Duration = Duration::from_secs(5);

/// Whether the vendor may already have resources of the instance.
///
/// Looking for them costs calls, some of them to lists that grow with the account. The caller knows from its own
/// records when there cannot be any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Attempt {
    /// Nothing was ever created for this instance: a provider creates without a lookup.
    First,
    /// An earlier attempt may have had an effect: a provider looks up existing resources before it creates any.
    #[default]
    Later,
}

impl Context {
    /// A context without a deadline, whose sections are local to this process.
    #[must_use]
    pub fn new(mark: Mark, http: reqwest::Client) -> Self {
        Self {
            mark,
            http,
            deadline: None,
            attempt: Attempt::Later,
            sections: Arc::new(LocalSections::default()),
        }
    }

    /// The same context with sections that other processes share.
    #[must_use]
    pub fn with_sections(&self, sections: Arc<dyn Sections>) -> Self {
        Self {
            sections,
            ..self.clone()
        }
    }

    /// The same context with a deadline `limit` from now. An earlier deadline is kept.
    #[must_use]
    pub fn within(&self, limit: Duration) -> Self {
        let at = Instant::now() + limit;
        let deadline = Some(self.deadline.map_or(at, |earlier| earlier.min(at)));
        Self {
            deadline,
            ..self.clone()
        }
    }

    /// The same context for an attempt of this kind.
    #[must_use]
    pub fn with_attempt(&self, attempt: Attempt) -> Self {
        Self {
            attempt,
            ..self.clone()
        }
    }

    /// Whether to look up existing resources before creating any. The retry layer turns
    /// [`Attempt::First`] into [`Attempt::Later`] when it repeats a call.
    #[must_use]
    pub const fn attempt(&self) -> Attempt {
        self.attempt
    }

    /// Makes and recognises the labels of this environment's resources.
    #[must_use]
    pub const fn mark(&self) -> &Mark {
        &self.mark
    }

    /// The shared HTTP client: pooled connections, TLS, our user agent.
    #[must_use]
    pub const fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Waits until the section `name` is free in every replica and `spacing` has passed since its last holder left.
    /// The caller holds it until it drops the guard. Use it for operations that a vendor allows only one at a time,
    /// or one per interval.
    ///
    /// # Errors
    /// [`ErrorKind::RateLimited`] with `reason` if the turn would come too late for the deadline; nothing was done.
    /// Errors of the database if sections are shared.
    pub async fn enter(
        &self,
        name: &str,
        spacing: Duration,
        reason: &str,
    ) -> Result<Section, ProviderError> {
        loop {
            let wait = match self.sections.try_enter(name, spacing).await? {
                Entry::Entered(section) => return Ok(section),
                Entry::Busy(wait) => wait,
            };
            let too_late = |left| wait + TIME_FOR_WORK > left;
            if self.remaining().is_some_and(too_late) {
                let message = format!("{reason}; the next turn comes too late for this call");
                return Err(ErrorKind::RateLimited
                    .because(message)
                    .with_retry_after(wait));
            }
            sleep(wait).await;
        }
    }

    /// Waits for `pause`, while something becomes ready at the vendor.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] at once if the deadline is earlier.
    pub async fn pause(&self, pause: Duration) -> Result<(), ProviderError> {
        if self.remaining().is_some_and(|left| pause >= left) {
            return Err(ErrorKind::Unavailable.because("not ready before the deadline"));
        }
        sleep(pause).await;
        Ok(())
    }

    /// The time left; `None` without a deadline, zero if it has passed.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline
            .map(|at| at.saturating_duration_since(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_earlier_deadline_wins() {
        let mark = Mark::new(&"dev".parse().unwrap());
        let outer = Context::new(mark, crate::http::bare_builder().build().unwrap())
            .within(Duration::from_secs(5));
        assert_eq!(
            outer.within(Duration::from_secs(60)).remaining(),
            Some(Duration::from_secs(5))
        );
        assert_eq!(
            outer.within(Duration::from_secs(1)).remaining(),
            Some(Duration::from_secs(1))
        );
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(outer.remaining(), Some(Duration::ZERO));
    }
}
