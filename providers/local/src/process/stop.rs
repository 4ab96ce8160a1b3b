//! The end of an instance: all its processes, asked first, then killed.
//!
//! Its processes are the one that was started, every other in that one's group, and every one whose
//! environment names the instance's data folder: children that left the group, and a process whose
//! pid was never written down because we died right after starting it.

use std::io;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::{Instant, interval};

use super::row::Process;
use super::table::Table;

/// How often the process table is read while processes end.
const POLL: Duration = Duration::from_millis(20);
/// How long the system may take to end what was killed.
const KILL_LIMIT: Duration = Duration::from_secs(5);

/// Ends the instance's processes; returns when none is left.
///
/// `leader` is the process that was started, `variable` the entry that only this instance's processes
/// have in their environment. Cancelled, it leaves some of them alive; called again it goes on.
pub(crate) async fn stop(
    leader: Option<Process>,
    variable: String,
    grace: Duration,
) -> io::Result<()> {
    let begun = Instant::now();
    let mut family = Family {
        group: leader.as_ref().map(|leader| leader.pid),
        members: leader.into_iter().collect(),
        variable,
    };
    let mut poll = interval(POLL);
    let mut asked = Vec::new();
    loop {
        poll.tick().await;
        // Given away and taken back: reading the table waits for the disk of a busy machine.
        family = tokio::task::spawn_blocking(move || family.now()).await??;
        if family.members.is_empty() {
            return Ok(());
        }
        if begun.elapsed() < grace {
            // Once each: some programs take a second request as "at once".
            signal(
                family.members.iter().filter(|one| !asked.contains(*one)),
                Signal::SIGTERM,
            )?;
            asked.clone_from(&family.members);
        } else if begun.elapsed() < grace + KILL_LIMIT {
            signal(family.members.iter(), Signal::SIGKILL)?;
        } else {
            return Err(io::Error::other("processes outlive SIGKILL"));
        }
    }
}

/// The instance's processes, as far as they were seen.
struct Family {
    group: Option<i32>,
    members: Vec<Process>,
    variable: String,
}

impl Family {
    /// Those that live now. A group is still ours while one whom we know lives in it; after that its
    /// number may be anybody's.
    fn now(mut self) -> io::Result<Self> {
        let table = Table::read(Some(&self.variable))?;
        let known = |process: &Process| self.members.contains(process);
        let in_group = |group: i32| Some(group) == self.group;
        let group_is_ours = table
            .0
            .iter()
            .any(|row| in_group(row.group) && (row.marked || known(&row.process)));
        let ours = table.0.iter().filter(|row| {
            row.marked || known(&row.process) || (group_is_ours && in_group(row.group))
        });
        self.members = ours.map(|row| row.process.clone()).collect();
        Ok(self)
    }
}

fn signal<'a>(processes: impl Iterator<Item = &'a Process>, signal: Signal) -> io::Result<()> {
    for process in processes {
        match kill(Pid::from_raw(process.pid), signal) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
