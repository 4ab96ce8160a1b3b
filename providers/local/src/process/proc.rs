//! The process table from Linux's `/proc`; see `man 5 proc`.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::thread::yield_now;
use std::time::Duration;

use tokio::time::Instant;

use super::row::{Process, Row};

/// Time limit for a process to load its program.
const EXEC_LIMIT: Duration = Duration::from_millis(100);
/// Maximum size of an environment, in bytes: a quarter of the usual limit of a stack.
const MAX_ENVIRONMENT: usize = 2 * 1024 * 1024;

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
    environment(folder)
        .split(|byte| *byte == 0)
        .any(|entry| entry == variable.as_bytes())
}

/// While a process executes a program its environment is empty for a moment. It is read again then, or a child of the
/// instance could be overlooked when the instance is destroyed. A zombie and a thread of the kernel have no program.
fn environment(folder: &Path) -> Vec<u8> {
    let deadline = Instant::now() + EXEC_LIMIT;
    loop {
        // Read before the look, so that the last look is after the deadline: this thread may have had to wait.
        let is_last = Instant::now() >= deadline;
        let has_program = fs::read_link(folder.join("exe")).is_ok();
        let environment = read_at_once(&folder.join("environ")).unwrap_or_default();
        if !environment.is_empty() || !has_program || is_last {
            return environment;
        }
        yield_now();
    }
}

/// Reads a file in one system call, because the rest of an environment is gone once the next program is executed.
fn read_at_once(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = vec![0; MAX_ENVIRONMENT];
    let length = File::open(path)?.read(&mut content)?;
    content.truncate(length);
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_is_recognised_while_it_executes_the_next_program() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("script");
        fs::write(&script, r#"exec /bin/sh "$0""#).unwrap();
        let mut command = Command::new("/bin/sh");
        let mut child = command.arg(script).env("MARK", "here").spawn().unwrap();
        let process = Path::new("/proc").join(child.id().to_string());
        // Until it has executed its first program it has the environment of this test.
        while !has(&process, "MARK=here") {
            yield_now();
        }
        let recognised = (0..1000).all(|_| has(&process, "MARK=here"));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(recognised);
    }
}
