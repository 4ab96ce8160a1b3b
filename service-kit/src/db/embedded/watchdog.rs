//! The shell that starts the server, and stops it when its parent has ended.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use super::EmbeddedError;
use super::binaries::Binaries;
use super::config::{AtEnd, SUPERUSER};
use super::folder::Folder;
use super::user::RunAs;

const SCRIPT: &str = include_str!("watchdog.sh");

/// How many ports to try: another process may take a free one before the server does.
const PORTS: usize = 3;

/// A running server. Dropping it stops the server and waits for that.
#[derive(Debug)]
pub(super) struct Watchdog {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Watchdog {
    /// Starts the server, in its own process group, which Ctrl-C does not reach, and waits until it accepts connections
    /// or has failed. Also returns its port.
    pub(super) fn start(
        binaries: &Binaries,
        folder: &Folder,
        user: &RunAs,
        lock: File,
        at_end: AtEnd,
    ) -> Result<(Self, u16), EmbeddedError> {
        let (mode, at_end) = match at_end {
            AtEnd::Keep => ("fast", "keep"),
            AtEnd::Remove => ("immediate", "remove"),
        };
        let mut child = user
            .command("/bin/sh")
            .args(["-c", SCRIPT, "postgres-watchdog"])
            .args([binaries.bin.as_path(), folder.path()])
            .args([mode, at_end, &free_ports()?, SUPERUSER])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(lock)
            .spawn()
            .map_err(EmbeddedError::io("run /bin/sh"))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        let watchdog = Self { child, stdin };
        match stdout.and_then(port) {
            Some(port) => Ok((watchdog, port)),
            None => Err(EmbeddedError::NotStarted(folder.last_words())),
        }
    }
}

/// The port that the script prints once the server listens.
fn port(stdout: ChildStdout) -> Option<u16> {
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).ok()?;
    line.trim().parse().ok()
}

fn free_ports() -> Result<String, EmbeddedError> {
    let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    // All sockets are held until the last port is found, so that the ports differ.
    std::iter::repeat_with(free)
        .take(PORTS)
        .collect::<io::Result<Vec<_>>>()
        .and_then(|held| {
            let port = |one: &TcpListener| Ok(one.local_addr()?.port().to_string());
            held.iter().map(port).collect::<io::Result<Vec<_>>>()
        })
        .map(|ports| ports.join(" "))
        .map_err(EmbeddedError::io("find a free port"))
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // It is ending; waiting for it avoids a zombie, and frees the folder for the next cluster.
        let _ = self.child.wait();
    }
}
