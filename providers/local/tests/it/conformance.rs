//! The provider on the behaviour suite that any provider runs: the vendor is this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use agent_pool_core::conformance::{self, Fault, Harness, Held, InfraHarness, Unsupported};
use agent_pool_core::registry::InfraRegistration;
use agent_pool_core::settings::Environment;
use agent_pool_core::{EnvVars, InfraHandle, Secret};
use async_trait::async_trait;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::machine::{Machine, environments};

const NO_REQUEST: &str = "no request is sent, so that none can be refused, hang or lose its answer";
/// Cases that a machine cannot show, and why.
const CANNOT: &[(&str, &str)] = &[
    ("lost_answer", NO_REQUEST),
    ("half_made", NO_REQUEST),
    ("lost_removal", NO_REQUEST),
    ("refused_is_not_gone", NO_REQUEST),
    ("rate_limited_seconds", NO_REQUEST),
    ("rate_limited_date", NO_REQUEST),
    ("unavailable", NO_REQUEST),
    ("cut", NO_REQUEST),
    ("not_json", NO_REQUEST),
    ("deadline", NO_REQUEST),
    ("three_pages", "a folder has no pages"),
    ("wrong_key", "a machine has no key"),
    ("image_changes", "a command is run, and no image"),
    ("options_apply", "a command has no options"),
];

/// With one thread for blocking work, such work ends in the order in which it started.
#[test]
fn every_promise_is_kept() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let harness = AtMachine {
        machine: Machine::new(""),
        seen: Mutex::default(),
    };
    let report = runtime.block_on(conformance::infra(&harness));
    report.assert_ran(CANNOT);
}

struct AtMachine {
    machine: Machine,
    /// Every process that was inspected, oldest first.
    seen: Mutex<Vec<Process>>,
}

struct Process {
    pid: u32,
    /// The instance's folder.
    folder: PathBuf,
    variables: EnvVars,
}

impl AtMachine {
    /// The processes of instances that run now.
    fn running(&self) -> Vec<Process> {
        let entry = format!("INSTANCE_DATA_DIR={}", self.machine.root().display());
        let process = |(pid, environment): (u32, Vec<(String, String)>)| {
            let named = |name: &str| environment.iter().find(|(own, _)| own == name);
            let folder = Path::new(&named("INSTANCE_DATA_DIR").unwrap().1).parent();
            let folder = folder.unwrap().to_owned();
            let variables = environment.into_iter();
            let variables = variables
                .filter_map(|(name, value)| Some((name.parse().ok()?, Secret::new(value))));
            Process {
                pid,
                folder,
                variables: variables.collect(),
            }
        };
        environments(&entry).into_iter().map(process).collect()
    }
}

impl AtMachine {
    fn folder(&self, handle: &InfraHandle) -> PathBuf {
        let environment = handle.data["folder"].as_str().unwrap();
        let root = self.machine.root().join(environment);
        root.join(handle.instance.as_str())
    }

    /// The process of a running instance.
    fn process(&self, handle: &InfraHandle) -> Process {
        let folder = self.folder(handle);
        let mut running = self.running().into_iter();
        running.find(|process| process.folder == folder).unwrap()
    }

    /// A file in the data folder that the instance was given.
    fn note(&self, handle: &InfraHandle) -> PathBuf {
        let process = self.process(handle);
        let folder = process.variables.get("INSTANCE_DATA_DIR").unwrap();
        Path::new(folder.expose()).join("note")
    }
}

#[async_trait]
impl Harness for AtMachine {
    fn environment(&self) -> Environment {
        self.machine.environment.clone()
    }

    async fn held(&self) -> Vec<Held> {
        let folders = folders(self.machine.root())
            .into_iter()
            .flat_map(|one| folders(&one));
        let folders = folders.map(|folder| held("folder", &folder));
        let running = self.running().into_iter();
        let processes = running.map(|process| held("process", &process.folder));
        folders.chain(processes).collect()
    }

    fn page_size(&self) -> Option<usize> {
        None
    }

    async fn fault(&self, _: Fault) -> Result<(), Unsupported> {
        Err(Unsupported(NO_REQUEST))
    }

    async fn settle(&self) {
        tokio::task::spawn_blocking(|| ()).await.unwrap();
    }
}

#[async_trait]
impl InfraHarness for AtMachine {
    fn registration(&self) -> InfraRegistration {
        let mut linked = inventory::iter::<InfraRegistration>.into_iter();
        *linked.find(|one| one.id == "local").unwrap()
    }

    /// The suite calls this after each deployment, so that no process is missed.
    async fn deployments(&self, handle: &InfraHandle) -> Option<Vec<EnvVars>> {
        let mut seen = self.seen.lock().unwrap();
        for process in self.running() {
            if seen.iter().all(|known| known.pid != process.pid) {
                seen.push(process);
            }
        }
        let folder = self.folder(handle);
        let own = seen.iter().filter(|process| process.folder == folder);
        Some(own.map(|process| process.variables.clone()).collect())
    }

    async fn write_data(&self, handle: &InfraHandle, text: &str) -> Result<(), Unsupported> {
        fs::write(self.note(handle), text).unwrap();
        Ok(())
    }

    async fn read_data(&self, handle: &InfraHandle) -> Result<Option<String>, Unsupported> {
        Ok(fs::read_to_string(self.note(handle)).ok())
    }

    async fn end(&self, handle: &InfraHandle) -> Result<(), Unsupported> {
        let pid = i32::try_from(self.process(handle).pid).unwrap();
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        Ok(())
    }

    /// The program writes it when it starts.
    async fn write_line(&self, handle: &InfraHandle) -> Result<String, Unsupported> {
        Ok(format!("hello from {}", handle.instance))
    }
}

/// The folders in a folder.
fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_dir()).collect()
}

/// A resource of the instance of this folder. Its label is made from the last two names of the path.
fn held(kind: &'static str, folder: &Path) -> Held {
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let label = format!("{}-{}", name(folder.parent().unwrap()), name(folder));
    Held { kind, label }
}
