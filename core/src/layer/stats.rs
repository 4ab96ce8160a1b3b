//! Statistics of a provider's calls since the process started, for people. Metrics have more detail.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::Utc;

use crate::ProviderError;
use crate::wire::services::{LastError, ProviderStats};

/// Number of latest calls whose latencies are kept.
const LATEST: usize = 256;

/// Counts the calls of one provider. Shared with the code that shows them.
#[derive(Debug, Default)]
pub struct CallStats(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    calls: u64,
    failures: BTreeMap<String, u64>,
    last_error: Option<LastError>,
    latest: VecDeque<Duration>,
}

impl CallStats {
    pub(super) fn record<T>(&self, result: &Result<T, ProviderError>, elapsed: Duration) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.calls += 1;
        if inner.latest.len() == LATEST {
            inner.latest.pop_front();
        }
        inner.latest.push_back(elapsed);
        if let Err(error) = result {
            let kind = error.kind().as_str().to_owned();
            *inner.failures.entry(kind.clone()).or_default() += 1;
            inner.last_error = Some(LastError {
                kind,
                at: Utc::now(),
                message: error.to_string(),
            });
        }
    }

    /// The statistics so far. The latencies are those of the last 256 calls, each with all its attempts.
    #[must_use]
    pub fn snapshot(&self) -> ProviderStats {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sorted: Vec<Duration> = inner.latest.iter().copied().collect();
        sorted.sort_unstable();
        ProviderStats {
            calls: inner.calls,
            failures: inner.failures.clone(),
            last_error: inner.last_error.clone(),
            median_ms: percentile(&sorted, 50),
            p95_ms: percentile(&sorted, 95),
        }
    }
}

/// The value that `percent` percent of the numbers do not exceed; `None` without numbers.
fn percentile(sorted: &[Duration], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    let found = sorted.get(rank.checked_sub(1)?)?;
    Some(u64::try_from(found.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn calls_failures_and_latencies_are_counted() {
        let stats = CallStats::default();
        let nothing = stats.snapshot();
        assert_eq!((nothing.calls, nothing.median_ms), (0, None));
        for millis in (1..=100).rev() {
            stats.record(&Ok(()), Duration::from_millis(millis));
        }
        let error = ProviderError::new(ErrorKind::RateLimited, "slow down");
        stats.record(&Err::<(), _>(error), Duration::from_secs(1));
        let counted = stats.snapshot();
        assert_eq!(counted.calls, 101);
        assert_eq!(
            counted.failures,
            BTreeMap::from([("rate_limited".to_owned(), 1)])
        );
        let last = counted.last_error.unwrap();
        assert_eq!(last.kind, "rate_limited");
        assert!(last.message.contains("slow down"), "{last:?}");
        assert_eq!((counted.median_ms, counted.p95_ms), (Some(51), Some(96)));
    }

    #[test]
    fn latencies_are_of_the_latest_calls() {
        let stats = CallStats::default();
        stats.record(&Ok(()), Duration::from_secs(9));
        for _ in 0..LATEST {
            stats.record(&Ok(()), Duration::from_millis(1));
        }
        assert_eq!(stats.snapshot().p95_ms, Some(1));
        assert_eq!(stats.0.lock().unwrap().latest.len(), LATEST);
    }
}
