//! The rate limits of creations, which are in no header and cause an error under HTTP 200 [O].

use std::time::Duration;

use tokio::time::Instant;

use super::message::Refusal;

/// When a kind of resource was last created.
#[derive(Debug, Default)]
pub(crate) struct Quota(Option<Instant>);

impl Quota {
    /// Allows a creation, or refuses one that comes too early.
    pub(crate) fn pass(&mut self, gap_ms: u64, message: &str) -> Result<(), Refusal> {
        let gap = Duration::from_millis(gap_ms);
        if self.0.is_some_and(|last| last.elapsed() < gap) {
            return Err(Refusal::new(message));
        }
        self.0 = Some(Instant::now());
        Ok(())
    }
}
