//! How long slow operations of the vendors take: counted in reads, so that no test sleeps, or in time.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// How long an operation takes until it is done or visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// Done after this number of reads; 0 means immediately.
    Reads(u32),
    /// Done after this many milliseconds.
    Millis(u64),
}

impl Pace {
    /// Done immediately.
    pub const AT_ONCE: Self = Self::Reads(0);

    /// Starts counting.
    pub(crate) fn start(self) -> Countdown {
        match self {
            Self::Reads(left) => Countdown::Reads(left),
            Self::Millis(millis) => {
                Countdown::Until(Instant::now() + Duration::from_millis(millis))
            }
        }
    }
}

/// The progress of one operation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Countdown {
    Reads(u32),
    Until(Instant),
}

impl Countdown {
    /// Whether it is done. Does not count as a read.
    pub(crate) fn done(self) -> bool {
        match self {
            Self::Reads(left) => left == 0,
            Self::Until(at) => Instant::now() >= at,
        }
    }

    /// Whether it was done before this read. Counts as a read.
    pub(crate) fn read(&mut self) -> bool {
        let done = self.done();
        if let Self::Reads(left) = self {
            *left = left.saturating_sub(1);
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_reads_end_after_their_number() {
        let mut countdown = Pace::Reads(2).start();
        assert_eq!(
            [countdown.read(), countdown.read(), countdown.read()],
            [false, false, true]
        );
    }

    #[test]
    fn time_does_not_count_reads() {
        let mut countdown = Pace::Millis(3_600_000).start();
        assert!(!countdown.read() && !countdown.read());
        assert!(Pace::Millis(0).start().done());
    }
}
