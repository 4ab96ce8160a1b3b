//! The server's settings, written at each start: they are ours, not the user's.

use std::fs;

use super::EmbeddedError;
use super::folder::Folder;

/// The superuser of every cluster.
pub(super) const SUPERUSER: &str = "agent_pool";

/// What happens to the data when the server stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AtEnd {
    Keep,
    Remove,
}

/// Small buffers, for hundreds of databases with a few rows each. No socket file: its path may be too long, and its
/// folder would have to be protected too.
const ALWAYS: &str = "\
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = 32MB
dynamic_shared_memory_type = posix
max_wal_size = 256MB
timezone = 'UTC'
log_timezone = 'UTC'
autovacuum_naptime = 60
";

/// None of it is needed after a crash.
const TEMPORARY: &str = "\
fsync = off
synchronous_commit = off
full_page_writes = off
";

/// Next to the data, from where the watchdog copies it, because the data may have to be created first.
pub(super) fn write(folder: &Folder, at_end: AtEnd) -> Result<(), EmbeddedError> {
    let more = match at_end {
        AtEnd::Keep => "",
        AtEnd::Remove => TEMPORARY,
    };
    let path = folder.path().join("postgresql.conf");
    fs::write(&path, format!("{ALWAYS}{more}"))
        .map_err(EmbeddedError::io(format!("write {}", path.display())))
}
