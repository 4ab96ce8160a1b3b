//! The port of the engine's machine on which an instance is published.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{IpAddr, TcpListener};

use agent_pool_core::InstanceId;

/// A port of the range that no container has and, if the engine is on this machine, that no program listens on.
///
/// The search starts at a port that is derived from the instance, so that two concurrent creations rarely collide;
/// the loser notices it when its container is listed (see `infra.rs`).
pub(crate) fn choose(
    range: (u16, u16),
    taken: &BTreeSet<u16>,
    instance: &InstanceId,
    local: Option<IpAddr>,
) -> Option<u16> {
    let (first, last) = (u32::from(range.0), u32::from(range.1));
    let size = last - first + 1;
    let mut hasher = DefaultHasher::new();
    instance.as_str().hash(&mut hasher);
    let start = u32::try_from(hasher.finish() % u64::from(size)).unwrap_or(0);
    let ports = (0..size).map(|step| first + (start + step) % size);
    ports
        .filter_map(|port| u16::try_from(port).ok())
        .find(|port| !taken.contains(port) && local.is_none_or(|address| is_free(address, *port)))
}

fn is_free(address: IpAddr, port: u16) -> bool {
    TcpListener::bind((address, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_of_the_range_is_found_and_no_other() {
        let id = InstanceId::generate();
        let mut taken = BTreeSet::new();
        while let Some(port) = choose((30_000, 30_009), &taken, &id, None) {
            assert!(taken.insert(port), "{port} twice");
        }
        assert_eq!(taken, (30_000..=30_009).collect());
    }

    #[test]
    fn a_port_that_a_program_listens_on_is_passed_over() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let loopback = Some(IpAddr::from([127, 0, 0, 1]));
        let id = InstanceId::generate();
        assert_eq!(choose((port, port), &BTreeSet::new(), &id, loopback), None);
        assert_eq!(
            choose((port, port), &BTreeSet::new(), &id, None),
            Some(port)
        );
    }
}
