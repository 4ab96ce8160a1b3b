//! The provider on a folder of its own, with helpers for tests.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use agent_pool_core::settings::Environment;
use agent_pool_core::{
    Context, CreatedInfra, DeployStatus, EnvVars, InfraProvider, InstanceId, InstanceSpec,
    ListedInstance, Mark, Redeploy, Secret,
};
use provider_local::Local;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, interval};

const LIMIT: Duration = Duration::from_secs(20);
/// How many ports a machine has. Machines share none: an instance has its port before it listens on it, so two of them
/// could choose the same one at the same time.
const PORTS: u16 = 50;
static NEXT_PORT: AtomicU16 = AtomicU16::new(20_000);

pub(crate) struct Machine {
    pub(crate) infra: Arc<dyn InfraProvider>,
    pub(crate) cx: Context,
    pub(crate) environment: Environment,
    root: TempDir,
}

pub(crate) fn spec() -> InstanceSpec {
    let name = "convos-agent-test".to_owned();
    InstanceSpec {
        name,
        ..InstanceSpec::default()
    }
}

fn variables<const N: usize>(pairs: [(&str, &str); N]) -> EnvVars {
    let pairs = pairs.into_iter();
    pairs
        .map(|(name, value)| (name.parse().unwrap(), Secret::new(value)))
        .collect()
}

/// Whether the process lives; a zombie does not.
pub(crate) fn is_alive(pid: u32) -> bool {
    let state = ps(&["-o", "stat=", "-p", &pid.to_string()]);
    !state.trim().is_empty() && !state.starts_with('Z')
}

/// How many zombies this process has.
pub(crate) fn zombies() -> usize {
    let me = std::process::id().to_string();
    let rows = ps(&["axo", "ppid=,stat="]);
    let rows = rows
        .lines()
        .map(|row| row.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row[0] == me && row[1].starts_with('Z'))
        .count()
}

/// The environment of every process that has this entry, or an entry with this prefix, by its pid.
pub(crate) fn environments(entry: &str) -> Vec<(u32, Vec<(String, String)>)> {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return environments_by_ps(entry);
    };
    let environment = |process: std::io::Result<std::fs::DirEntry>| {
        let process = process.ok()?;
        let pid = process.file_name().to_str()?.parse().ok()?;
        let all = String::from_utf8(environ(&process.path())?).ok()?;
        let entries = all.split('\0').filter_map(|pair| pair.split_once('='));
        let owned = entries.map(|(name, value)| (name.to_owned(), value.to_owned()));
        all.contains(entry).then(|| (pid, owned.collect()))
    };
    processes.filter_map(environment).collect()
}

/// The environment of a process. While a program is being executed it is empty for a moment, so an empty one is read
/// again; a zombie and a thread of the kernel have no program.
fn environ(process: &Path) -> Option<Vec<u8>> {
    let deadline = Instant::now() + Duration::from_millis(200);
    loop {
        let is_last = Instant::now() > deadline;
        let has_program = std::fs::read_link(process.join("exe")).is_ok();
        // In one system call: once the next program is executed, the rest of it is gone.
        let mut all = vec![0; 1024 * 1024];
        let mut file = File::open(process.join("environ")).ok()?;
        let length = file.read(&mut all).ok()?;
        all.truncate(length);
        if !all.is_empty() || !has_program || is_last {
            return Some(all);
        }
        std::thread::yield_now();
    }
}

/// For systems without `/proc`. Values are cut at their first space.
fn environments_by_ps(entry: &str) -> Vec<(u32, Vec<(String, String)>)> {
    let rows = ps(&["axeww", "-o", "pid=,command="]);
    let row = |row: &str| {
        let mut words = row.split_whitespace();
        let pid = words.next()?.parse().ok()?;
        let entries = words.filter_map(|word| word.split_once('='));
        let owned = entries.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Some((pid, owned.collect()))
    };
    let rows = rows.lines().filter(|row| row.contains(entry));
    rows.filter_map(row).collect()
}

fn ps(arguments: &[&str]) -> String {
    let output = Command::new("ps").args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

impl Machine {
    /// A machine whose instances are the test program with `arguments`.
    pub(crate) fn new(arguments: &str) -> Self {
        let program = env!("CARGO_BIN_EXE_provider-local-test-instance");
        Self::running(&format!("'{program}' {arguments}"))
    }

    pub(crate) fn running(command: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let first = NEXT_PORT.fetch_add(PORTS, Ordering::Relaxed);
        let environment = Environment::from_iter([
            ("LOCAL_RUNTIME_COMMAND", command),
            ("LOCAL_DATA_DIR", root.path().to_str().unwrap()),
            ("LOCAL_PORT_FIRST", &first.to_string()),
            ("LOCAL_PORT_LAST", &(first + PORTS - 1).to_string()),
            ("LOCAL_STOP_GRACE_MS", "300"),
            ("PATH", "/bin"),
        ]);
        let http = agent_pool_core::http::bare_builder().no_proxy().build();
        Self {
            infra: Local::build(&environment).unwrap(),
            cx: Context::new(Mark::new(&"test".parse().unwrap()), http.unwrap()),
            environment,
            root,
        }
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn restart_provider(&mut self) {
        self.infra = Local::build(&self.environment).unwrap();
    }

    pub(crate) async fn create(&self) -> CreatedInfra {
        self.create_as(&InstanceId::generate()).await
    }

    pub(crate) async fn create_as(&self, id: &InstanceId) -> CreatedInfra {
        self.infra.create(&self.cx, id, &spec()).await.unwrap()
    }

    /// Creates an instance with one secret and starts it.
    pub(crate) async fn start(&self) -> CreatedInfra {
        let created = self.create().await;
        self.configure(&created, [("KEY", "hunter2")], Redeploy::Yes)
            .await;
        created
    }

    pub(crate) async fn configure<const N: usize>(
        &self,
        created: &CreatedInfra,
        pairs: [(&str, &str); N],
        redeploy: Redeploy,
    ) {
        let variables = variables(pairs);
        let call = self
            .infra
            .configure(&self.cx, &created.handle, &variables, redeploy);
        call.await.unwrap();
    }

    pub(crate) async fn destroy(&self, created: &CreatedInfra) {
        self.infra.destroy(&self.cx, &created.handle).await.unwrap();
    }

    pub(crate) async fn list(&self) -> Vec<ListedInstance> {
        self.infra.list(&self.cx).await.unwrap()
    }

    /// The deploy status of the only instance.
    pub(crate) async fn status(&self) -> Option<DeployStatus> {
        self.list().await.remove(0).status
    }

    /// The answer of the instance, once it listens.
    pub(crate) async fn answer(&self, created: &CreatedInfra) -> String {
        let get = async || {
            let answer = self.cx.http().get(created.url.clone()).send().await;
            answer?.text().await
        };
        let mut poll = interval(Duration::from_millis(10));
        let deadline = Instant::now() + LIMIT;
        loop {
            poll.tick().await;
            match get().await {
                Ok(answer) => return answer,
                Err(error) => assert!(Instant::now() < deadline, "no answer: {error}"),
            }
        }
    }

    /// The instance's process, then its children.
    pub(crate) async fn pids(&self, created: &CreatedInfra) -> Vec<u32> {
        let answer = self.answer(created).await;
        let pids = answer.lines().next().unwrap().split_whitespace().skip(1);
        pids.map(|pid| pid.parse().unwrap()).collect()
    }

    pub(crate) fn folder(&self, created: &CreatedInfra) -> PathBuf {
        let environment = self.root.path().join("ap-test");
        environment.join(created.handle.instance.as_str())
    }

    /// When the process started, in the words of the process table.
    pub(crate) fn started(&self, created: &CreatedInfra) -> Value {
        let mut started = Value::Null;
        self.edit_service(created, |service| {
            started = service["deployment"]["started"]["started"].clone();
        });
        started
    }

    pub(crate) fn edit_service(&self, created: &CreatedInfra, edit: impl FnOnce(&mut Value)) {
        let path = self.folder(created).join("service.json");
        let mut service = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        edit(&mut service);
        std::fs::write(&path, service.to_string()).unwrap();
    }

    pub(crate) async fn until(&self, condition: impl AsyncFn() -> bool) {
        let mut poll = interval(Duration::from_millis(10));
        let deadline = Instant::now() + LIMIT;
        while !condition().await {
            assert!(Instant::now() < deadline, "it did not come to be");
            poll.tick().await;
        }
    }
}
