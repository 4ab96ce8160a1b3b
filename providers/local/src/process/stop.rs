//! Stops an instance: all its processes get a stop signal and are killed later.
//!
//! Its processes are the one that was started, all others in its process group, and all whose environment names the
//! instance's data folder: children that left the group, and a process whose pid was not recorded because we died
//! right after starting it.

use std::io;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::{Instant, interval};

use super::row::Process;
use super::table::Table;

/// Interval between reads of the process table while processes end.
const POLL: Duration = Duration::from_millis(20);
/// Time limit for the system to end killed processes.
const KILL_LIMIT: Duration = Duration::from_secs(5);

/// Ends the instance's processes; returns when none is left.
///
/// `leader` is the process that was started, `variable` the entry that only this instance's processes have in their
/// environment. If it is cancelled, some of them may stay alive; a repeated call continues.
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
        // Moved to a blocking thread and back, because reading the table waits for the disk on a busy machine.
        family = tokio::task::spawn_blocking(move || family.now()).await??;
        if family.members.is_empty() {
            return Ok(());
        }
        if begun.elapsed() < grace {
            // Once per process: some programs treat a second request as "at once".
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

/// The instance's processes that were seen so far.
struct Family {
    group: Option<i32>,
    members: Vec<Process>,
    variable: String,
}

impl Family {
    /// The processes that are alive now. A group is ours while a known process in it is alive; after that its number
    /// may be reused.
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
