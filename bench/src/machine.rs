//! CPU time and resident memory of a process (Linux, `/proc`).

use std::fs::read_to_string;
use std::time::Duration;

use anyhow::Context as _;

/// `/proc/*/stat` counts in hundredths of a second on every Linux that runs this.
const TICK: Duration = Duration::from_millis(10);

/// CPU time that a process and its children have used, user and system together.
pub(crate) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let mut total = own_cpu_time(pid)?;
    for child in children(pid) {
        total += cpu_time(child).unwrap_or_default();
    }
    Ok(total)
}

fn own_cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may contain spaces; the fields after it do not.
    let fields = stat
        .rsplit_once(')')
        .context("no name in /proc/PID/stat")?
        .1;
    let field = |index: usize| fields.split_whitespace().nth(index)?.parse::<u32>().ok();
    // user, system, and the same of children that have ended
    let times: Option<Vec<u32>> = (11..15).map(field).collect();
    let ticks: u32 = times.context("no times in /proc/PID/stat")?.iter().sum();
    Ok(TICK * ticks)
}

fn children(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = read_to_string(path).unwrap_or_default();
    children
        .split_whitespace()
        .filter_map(|child| child.parse().ok())
        .collect()
}

/// Resident memory in KiB.
pub(crate) fn resident_kib(pid: u32) -> anyhow::Result<f64> {
    let status = read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.context("no VmRSS")?.parse()?)
}
