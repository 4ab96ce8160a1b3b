//! The port of each instance, which it keeps.
//!
//! An instance has its port before it listens on it, so a port counts as taken if the file of any instance names it,
//! in any environment, or if a program listens on it now.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use crate::service::Service;

/// A free port of `range`. The caller holds the lock of `root` until its file names the port.
pub(crate) fn choose(root: &Path, range: (u16, u16)) -> io::Result<Option<u16>> {
    let taken = taken(root)?;
    // Start at a random port, because other instances of this provider on the machine, with another root, choose from
    // the same range.
    let start = rand::random_range(range.0..=range.1);
    let mut candidates = (start..=range.1).chain(range.0..start);
    Ok(candidates.find(|port| !taken.contains(port) && is_free(*port)))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
}

fn taken(root: &Path) -> io::Result<BTreeSet<u16>> {
    let mut taken = BTreeSet::new();
    for environment in fs::read_dir(root)? {
        let environment = environment?.path();
        if !environment.is_dir() {
            continue;
        }
        for folder in fs::read_dir(environment)? {
            let service = Service::load(&folder?.path().join("service.json"));
            taken.extend(service.ok().flatten().map(|service| service.port));
        }
    }
    Ok(taken)
}
