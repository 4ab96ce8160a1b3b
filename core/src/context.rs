//! What a provider is given with every call, so that it needs nothing of its own.

use std::time::Duration;

use tokio::time::Instant;

use crate::Mark;

/// The surroundings of one call of a provider: the mark, the HTTP client, the deadline.
///
/// A call is cancelled by dropping its future. A provider must not spawn what outlives that.
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
}

/// Whether the vendor may already have something of the instance that a call makes something for.
///
/// Looking for it costs calls, and in lists that grow with the account. The caller knows from its own
/// records when there can be nothing to find.
///
/// ```
/// # let cx = agent_pool_core::doctest::cx();
/// use agent_pool_core::Attempt;
///
/// assert_eq!(cx.attempt(), Attempt::Later, "unless the caller knows better");
/// assert_eq!(cx.with_attempt(Attempt::First).attempt(), Attempt::First);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Attempt {
    /// Nothing was ever made for this instance: a provider makes it without looking.
    First,
    /// An earlier attempt may have had an effect: a provider looks before it makes anything.
    #[default]
    Later,
}

impl Context {
    /// A context without a deadline.
    #[must_use]
    pub const fn new(mark: Mark, http: reqwest::Client) -> Self {
        Self {
            mark,
            http,
            deadline: None,
            attempt: Attempt::Later,
        }
    }

    /// The same, to be done within `limit` from now. An earlier deadline stays.
    #[must_use]
    pub fn within(&self, limit: Duration) -> Self {
        let at = Instant::now() + limit;
        let deadline = Some(self.deadline.map_or(at, |earlier| earlier.min(at)));
        Self {
            deadline,
            ..self.clone()
        }
    }

    /// The same for an attempt of this kind.
    #[must_use]
    pub fn with_attempt(&self, attempt: Attempt) -> Self {
        Self {
            attempt,
            ..self.clone()
        }
    }

    /// Whether to look for what is there before making anything. The retry layer turns
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
    ///
    /// ```
    /// # let cx = agent_pool_core::doctest::cx();
    /// // For a vendor that `VendorHttp` cannot ask, such as one of another body than JSON.
    /// let form = cx.http().post("https://api.acme.example/keys").form(&[("name", "x")]);
    /// let form = form.build().unwrap();
    /// assert_eq!(form.headers()["content-type"], "application/x-www-form-urlencoded");
    /// ```
    #[must_use]
    pub const fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// How long is left; `None` where there is no deadline, zero where it has passed.
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
