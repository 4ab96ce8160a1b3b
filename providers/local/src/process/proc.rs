//! The process table from Linux's `/proc`; see `man 5 proc`.

use std::fs;
use std::io;
use std::path::Path;

use super::row::{Process, Row};

pub(super) fn rows(variable: Option<&str>) -> io::Result<Vec<Row>> {
    // Start times count from boot, so they are unique only together with the boot id.
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let entries = fs::read_dir("/proc")?;
    let folders = entries.filter_map(|entry| Some(entry.ok()?.path()));
    // A process that ends while it is read is omitted.
    Ok(folders
        .filter_map(|folder| row(&folder, boot.trim(), variable))
        .collect())
}

fn row(folder: &Path, boot: &str, variable: Option<&str>) -> Option<Row> {
    let pid = folder.file_name()?.to_str()?.parse().ok()?;
    let stat = fs::read_to_string(folder.join("stat")).ok()?;
    // The second field is the program's name in parentheses, which may have any character in it.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let (state, group, started) = (fields.first()?, fields.get(2)?, fields.get(19)?);
    if matches!(*state, "Z" | "X") {
        return None;
    }
    Some(Row {
        process: Process {
            pid,
            started: format!("{boot} {started}"),
        },
        group: group.parse().ok()?,
        marked: variable.is_some_and(|variable| has(folder, variable)),
    })
}

fn has(folder: &Path, variable: &str) -> bool {
    let environment = fs::read(folder.join("environ")).unwrap_or_default();
    environment
        .split(|byte| *byte == 0)
        .any(|entry| entry == variable.as_bytes())
}
