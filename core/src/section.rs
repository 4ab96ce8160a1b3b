//! Sections: work that only one caller at a time may do, across all replicas.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::ProviderError;

/// The right to do the work of a section. Dropping it admits the next caller.
pub struct Section(#[expect(dead_code, reason = "held for its drop")] Box<dyn Any + Send + Sync>);

impl Section {
    /// A section that ends when `guard` is dropped.
    pub fn new(guard: impl Any + Send + Sync) -> Self {
        Self(Box::new(guard))
    }
}

impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Section")
    }
}

/// Whether a caller got into a section.
#[derive(Debug)]
pub enum Entry {
    /// The section is the caller's.
    Entered(Section),
    /// Another caller holds it, or the spacing has not passed: try again after this time.
    Busy(Duration),
}

/// The sections of a process, or of all replicas that share a database.
///
/// Providers use [`Context::enter`](crate::Context::enter), which waits.
#[async_trait]
pub trait Sections: fmt::Debug + Send + Sync {
    /// Enters the section `name`, unless another caller holds it or left it less than `spacing` ago.
    ///
    /// A section whose holder died becomes free after a while, whether or not the work was done.
    async fn try_enter(&self, name: &str, spacing: Duration) -> Result<Entry, ProviderError>;
}

/// Sections within one process: for tests, and for services without a shared database.
#[derive(Debug, Default)]
pub(crate) struct LocalSections(Arc<Mutex<HashMap<String, Slot>>>);

#[derive(Debug)]
enum Slot {
    Held,
    FreeAt(Instant),
}

/// How soon to check an occupied section again.
const HELD_PAUSE: Duration = Duration::from_millis(50);

#[async_trait]
impl Sections for LocalSections {
    async fn try_enter(&self, name: &str, spacing: Duration) -> Result<Entry, ProviderError> {
        let mut slots = lock(&self.0);
        match slots.get(name) {
            Some(Slot::Held) => return Ok(Entry::Busy(HELD_PAUSE)),
            Some(Slot::FreeAt(at)) if *at > Instant::now() => {
                return Ok(Entry::Busy(at.saturating_duration_since(Instant::now())));
            }
            Some(Slot::FreeAt(_)) | None => {}
        }
        slots.insert(name.to_owned(), Slot::Held);
        Ok(Entry::Entered(Section::new(LocalGuard {
            slots: Arc::clone(&self.0),
            name: name.to_owned(),
            spacing,
        })))
    }
}

struct LocalGuard {
    slots: Arc<Mutex<HashMap<String, Slot>>>,
    name: String,
    spacing: Duration,
}

impl Drop for LocalGuard {
    fn drop(&mut self) {
        let mut slots = lock(&self.slots);
        // Removed if nobody has to wait, because there may be as many names as instances.
        if self.spacing.is_zero() {
            slots.remove(&self.name);
        } else {
            let free_at = Slot::FreeAt(Instant::now() + self.spacing);
            slots.insert(std::mem::take(&mut self.name), free_at);
        }
    }
}

fn lock(slots: &Mutex<HashMap<String, Slot>>) -> MutexGuard<'_, HashMap<String, Slot>> {
    slots.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use crate::{Context, ErrorKind, Mark};
    use std::time::Duration;
    use tokio::time::{Instant, sleep};

    fn context() -> Context {
        let mark = Mark::new(&"dev".parse().unwrap());
        Context::new(mark, crate::http::client().unwrap())
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn one_is_in_a_section_at_a_time_and_the_next_enters_after_the_spacing() {
        let (cx, start) = (context(), Instant::now());
        let work = async |length: Duration| {
            let section = cx.enter("a", 10 * SECOND, "busy").await.unwrap();
            let entered = start.elapsed();
            sleep(length).await;
            drop(section);
            entered
        };
        let (one, two) = tokio::join!(work(5 * SECOND), work(SECOND));
        assert!(one < SECOND && two >= 15 * SECOND, "{one:?} {two:?}");
        assert!(two < 16 * SECOND, "{two:?}");
        let other = cx.enter("b", 10 * SECOND, "busy").await;
        assert!(
            other.is_ok() && start.elapsed() < 17 * SECOND,
            "another name"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_comes_too_late_is_refused_with_its_reason_and_its_time() {
        let cx = context().within(39 * SECOND);
        drop(cx.enter("a", 35 * SECOND, "one in 35 s").await.unwrap());
        let start = Instant::now();
        let error = cx.enter("a", 35 * SECOND, "one in 35 s").await.unwrap_err();
        assert_eq!(start.elapsed(), Duration::ZERO, "refused at once");
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert!(error.retry_after().is_some_and(|wait| wait > 34 * SECOND));
        assert!(error.to_string().contains("one in 35 s"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_is_cancelled_leaves_the_section() {
        let cx = context();
        let work = async {
            let _section = cx.enter("a", Duration::ZERO, "busy").await.unwrap();
            sleep(60 * SECOND).await;
        };
        tokio::time::timeout(SECOND, work).await.unwrap_err();
        assert!(cx.enter("a", Duration::ZERO, "busy").await.is_ok());
    }
}
