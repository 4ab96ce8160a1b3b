//! A limit on how many wrong keys one source may present.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Number of wrong keys that a source may present in a burst.
const BURST: u32 = 10;
/// The interval at which one more is allowed after that.
const PAUSE: Duration = Duration::from_secs(3);
/// Maximum number of remembered sources.
const MOST_SOURCES: usize = 10_000;

/// The wrong keys of each source.
#[derive(Debug, Default)]
pub(crate) struct Guesses {
    /// When a source has no more wrong keys to wait for. Each wrong key moves this time by [`PAUSE`].
    settled: Mutex<HashMap<IpAddr, Instant>>,
    /// The names of keys that a source has presented successfully, so that a client that shares its address with a
    /// guesser is not locked out.
    known: Mutex<HashSet<(IpAddr, String)>>,
}

impl Guesses {
    /// How long a source must wait before its next key is checked; `None` if it may present one now.
    pub(crate) fn wait(&self, source: IpAddr) -> Option<Duration> {
        let now = Instant::now();
        let settled = self.lock();
        let debt = settled
            .get(&network(source))?
            .saturating_duration_since(now);
        let allowed = PAUSE * (BURST - 1);
        (debt > allowed).then(|| debt - allowed)
    }

    /// Records a wrong key.
    pub(crate) fn record(&self, source: IpAddr) {
        let now = Instant::now();
        let mut settled = self.lock();
        if settled.len() >= MOST_SOURCES {
            settled.retain(|_, until| *until > now);
        }
        if settled.len() >= MOST_SOURCES {
            // With this many sources guessing, storing them all costs more than it protects.
            settled.clear();
        }
        let until = settled.entry(network(source)).or_insert(now);
        *until = (*until).max(now) + PAUSE;
    }

    /// Records an accepted key by its name.
    pub(crate) fn accept(&self, source: IpAddr, name: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_SOURCES {
            known.clear();
        }
        known.insert((network(source), name.to_owned()));
    }

    /// Whether a key of this name was accepted from this source before.
    pub(crate) fn knows(&self, source: IpAddr, name: &str) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(&(network(source), name.to_owned()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, Instant>> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The network of an IPv6 address, because an IPv6 client has 2^64 addresses.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_source_is_held_back_after_a_burst_and_for_itself_alone() {
        let guesses = Guesses::default();
        let [one, other]: [IpAddr; 2] = ["1.2.3.4", "1.2.3.5"].map(|it| it.parse().unwrap());
        for _ in 0..BURST {
            assert_eq!(guesses.wait(one), None);
            guesses.record(one);
        }
        assert_eq!(guesses.wait(one), Some(PAUSE));
        assert_eq!(guesses.wait(other), None);
        advance(PAUSE).await;
        assert_eq!(guesses.wait(one), None);
        guesses.record(one);
        assert_eq!(guesses.wait(one), Some(PAUSE));
        advance(PAUSE * BURST).await;
        for _ in 0..BURST {
            assert_eq!(guesses.wait(one), None);
            guesses.record(one);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_of_ipv6_is_one_source_and_memory_is_bounded() {
        let guesses = Guesses::default();
        for host in 0..u128::from(BURST) {
            guesses.record(Ipv6Addr::from_bits((0x2001_0db8 << 96) | host).into());
        }
        assert!(guesses.wait("2001:db8::ffff".parse().unwrap()).is_some());
        for host in 0..20_000_u32 {
            guesses.record(std::net::Ipv4Addr::from_bits(host).into());
        }
        assert!(guesses.lock().len() <= MOST_SOURCES);
    }
}
