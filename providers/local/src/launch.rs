//! Starting an instance's process.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::Stdio;

use agent_pool_core::InstanceId;
use tokio::process::Command;

use crate::folder::Folder;
use crate::process::{Process, Table};
use crate::service::{Deployment, Service};
use crate::settings::Settings;
use crate::{file, output};

/// The entry that only this instance's processes have in their environment.
pub(crate) fn variable(folder: &Folder) -> String {
    format!("{DATA_DIR}={}", folder.data().display())
}

const DATA_DIR: &str = "INSTANCE_DATA_DIR";
/// The address on which instances listen: other machines must not reach a process without isolation.
const LOOPBACK: &str = "127.0.0.1";
/// Executes the program once a line arrives, and exits otherwise. If we die between starting it and recording the
/// process, it exits too: a program that closes its `/proc` to us could not be found later.
const GATE: &str = r#"read -r _ || exit 1; exec "$0" "$@" </dev/null"#;

/// Starts the instance and records its process. Blocks; the caller holds the folder's lock, and no process of the
/// instance runs.
pub(crate) fn launch(
    settings: &Settings,
    instance: &InstanceId,
    folder: &Folder,
    service: &mut Service,
) -> io::Result<()> {
    let started = start(settings, instance, folder, service);
    service.deployment = match &started {
        Ok((Some(process), _)) => Deployment::Started(process.clone()),
        Ok((None, _)) => Deployment::Ended,
        Err(_) => Deployment::Failed,
    };
    service.save(&folder.service())?;
    let (_, gate) = started?;
    // It fails if the process has ended already, which the next listing shows.
    let _ = File::from(gate).write_all(b"go\n");
    Ok(())
}

/// The process, or `None` if it has already ended, and the pipe that opens its gate.
fn start(
    settings: &Settings,
    instance: &InstanceId,
    folder: &Folder,
    service: &Service,
) -> io::Result<(Option<Process>, OwnedFd)> {
    output::trim(folder).or_else(|_| fs::remove_file(folder.output()))?;
    let output = || {
        let mut options = OpenOptions::new();
        let options = options.append(true).create(true).mode(0o600);
        file::regular(options, &folder.output())?
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    };
    let inherited = settings.inherited.iter();
    let own = service.variables.iter();
    let environment: BTreeMap<&str, &str> = inherited
        .map(|(name, value)| (*name, value.as_str()))
        .chain(own.map(|(name, value)| (name.as_str(), value.expose())))
        .collect();
    check_program(&settings.program, environment.get("PATH").copied())?;
    let mut child = Command::new("/bin/sh")
        .args(["-c", GATE, &settings.program])
        .args(&settings.arguments)
        .env_clear()
        .envs(environment)
        .env("HOST", LOOPBACK)
        .env("PORT", service.port.to_string())
        .env("INSTANCE_ID", instance.as_str())
        .env(DATA_DIR, folder.data())
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(output()?)
        .stderr(output()?)
        .spawn()?;
    let gate = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let pid = child.id().unwrap_or_default();
    // Dropping the child does not end it; tokio reaps it when it ends.
    Ok((Table::read(None)?.find(pid).cloned(), gate.into_owned_fd()?))
}

/// Reports a missing program, because the shell could report it only in the instance's output.
fn check_program(program: &str, path: Option<&str>) -> io::Result<()> {
    let runs = |file: &Path| {
        let file = fs::metadata(file);
        file.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    let found = if program.contains('/') {
        runs(Path::new(program))
    } else {
        let folders = path.unwrap_or_default().split(':');
        folders
            .map(|folder| Path::new(folder).join(program))
            .any(|file| runs(&file))
    };
    let missing = || io::Error::new(io::ErrorKind::NotFound, "there is no such program");
    found.then_some(()).ok_or_else(missing)
}
