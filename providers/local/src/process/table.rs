//! The processes of this machine at one moment.

use std::io;
use std::path::Path;

use super::row::{Process, Row};
use super::{proc, ps};

/// Every living process; zombies count as dead.
#[derive(Debug)]
pub(crate) struct Table(pub(crate) Vec<Row>);

impl Table {
    /// Reads the table. `marked` is true for processes whose environment has `variable` (`NAME=value`).
    pub(crate) fn read(variable: Option<&str>) -> io::Result<Self> {
        let rows = if Path::new("/proc/self/stat").exists() {
            proc::rows(variable)
        } else {
            ps::rows(variable)
        };
        rows.map(Self)
    }

    pub(crate) fn has(&self, process: &Process) -> bool {
        self.0.iter().any(|row| row.process == *process)
    }

    /// The process that has this pid now.
    pub(crate) fn find(&self, pid: u32) -> Option<&Process> {
        let mut processes = self.0.iter().map(|row| &row.process);
        processes.find(|process| u32::try_from(process.pid) == Ok(pid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sources_know_this_process_and_its_group() {
        let pid = std::process::id();
        let group = nix::unistd::getpgrp().as_raw();
        let sources = [proc::rows(None), ps::rows(None)];
        for rows in sources.map(|rows| rows.unwrap()) {
            let row = rows
                .iter()
                .find(|row| row.process.pid.unsigned_abs() == pid);
            assert_eq!(row.unwrap().group, group);
        }
    }

    #[test]
    fn a_recycled_pid_is_another_process() {
        let table = Table::read(None).unwrap();
        let me = table.find(std::process::id()).unwrap();
        assert!(table.has(me));
        let before = Process {
            pid: me.pid,
            started: "long ago".to_owned(),
        };
        assert!(!table.has(&before));
    }
}
