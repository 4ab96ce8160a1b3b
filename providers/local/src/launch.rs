//! Starting an instance's process.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Stdio;

use agent_pool_core::InstanceId;
use tokio::process::Command;

use crate::folder::Folder;
use crate::process::{Process, Table};
use crate::service::{Deployment, Service};
use crate::settings::Settings;

/// The entry that only this instance's processes have in their environment.
pub(crate) fn variable(folder: &Folder) -> String {
    format!("{DATA_DIR}={}", folder.data().display())
}

const DATA_DIR: &str = "INSTANCE_DATA_DIR";

/// Starts the instance and writes down which process it is. Blocks; the caller holds the folder's
/// lock, and nothing of the instance runs.
pub(crate) fn launch(
    settings: &Settings,
    instance: &InstanceId,
    folder: &Folder,
    service: &mut Service,
) -> io::Result<()> {
    let file = folder.service();
    // Written first, so that a process whose pid we die before writing is looked for.
    service.deployment = Deployment::Starting;
    service.save(&file)?;
    let started = start(settings, instance, folder, service);
    service.deployment = match &started {
        Ok(Some(process)) => Deployment::Started(process.clone()),
        Ok(None) => Deployment::Ended,
        Err(_) => Deployment::Failed,
    };
    service.save(&file)?;
    started.map(drop)
}

/// `None` where the process has ended already.
fn start(
    settings: &Settings,
    instance: &InstanceId,
    folder: &Folder,
    service: &Service,
) -> io::Result<Option<Process>> {
    let output = || {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        options.open(folder.output())
    };
    let variables = service.variables.iter();
    let child = Command::new(&settings.program)
        .args(&settings.arguments)
        .env_clear()
        .envs(settings.inherited.iter().map(|(name, value)| (name, value)))
        .envs(variables.map(|(name, value)| (name.as_str(), value.expose())))
        .env("PORT", service.port.to_string())
        .env("INSTANCE_ID", instance.as_str())
        .env(DATA_DIR, folder.data())
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(output()?)
        .stderr(output()?)
        .spawn()?;
    let pid = child.id().unwrap_or_default();
    // Dropping the child does not end it; tokio reaps it when it ends.
    Ok(Table::read(None)?.find(pid).cloned())
}
