//! How many connections a server accepts.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Descriptors reserved for the database, outgoing calls, logs and files.
const RESERVED: u64 = 256;
const FEWEST: u64 = 64;
const MOST: u64 = 10_000;

/// Raises the process's limit of open files as far as allowed, and returns how many connections fit.
pub(super) fn most_connections() -> usize {
    let files = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, hard)) if soft < hard => {
            // macOS refuses an unlimited number; then the soft limit stays.
            let raised = setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
            if raised { hard } else { soft }
        }
        Ok((soft, _)) => soft,
        Err(_) => FEWEST + RESERVED,
    };
    connections_for(files)
}

fn connections_for(files: u64) -> usize {
    let left = files.saturating_sub(RESERVED).clamp(FEWEST, MOST);
    usize::try_from(left).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_everything_else() {
        let expected = [(0, 64), (256, 64), (1024, 768), (u64::MAX, 10_000)];
        for (files, connections) in expected {
            assert_eq!(connections_for(files), connections, "{files}");
        }
    }
}
