//! The process table from `ps`, for systems without `/proc`, such as macOS.

use std::io;
use std::process::Command;

use super::row::{Process, Row};

pub(super) fn rows(variable: Option<&str>) -> io::Result<Vec<Row>> {
    // The command comes last; `e` adds its environment, and `ww` prevents truncation.
    let columns = "pid=,pgid=,stat=,lstart=,command=";
    let output = Command::new("ps")
        .args(["axeww", "-o", columns])
        .env("LC_ALL", "C")
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text
        .lines()
        .filter_map(|line| row(line, variable))
        .collect())
}

fn row(line: &str, variable: Option<&str>) -> Option<Row> {
    let mut words = line.split_whitespace();
    let (pid, group, state) = (words.next()?, words.next()?, words.next()?);
    // Such as `Mon Nov 23 19:10:34 2026`.
    let started: Vec<_> = words.by_ref().take(5).collect();
    if state.starts_with('Z') {
        return None;
    }
    Some(Row {
        process: Process {
            pid: pid.parse().ok()?,
            started: started.join(" "),
        },
        group: group.parse().ok()?,
        marked: variable.is_some_and(|variable| line.contains(variable)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        "  71  70 S+   Mon Nov 23 19:10:34 2026 run it INSTANCE_DATA_DIR=/a/b HOME=/";

    #[test]
    fn a_line_is_pid_group_state_start_and_environment() {
        let row = row(LINE, Some("INSTANCE_DATA_DIR=/a/b")).unwrap();
        assert_eq!((row.process.pid, row.group, row.marked), (71, 70, true));
        assert_eq!(row.process.started, "Mon Nov 23 19:10:34 2026");
    }

    #[test]
    fn a_zombie_is_dead() {
        assert!(row(&LINE.replace("S+", "Z+"), None).is_none());
    }
}
