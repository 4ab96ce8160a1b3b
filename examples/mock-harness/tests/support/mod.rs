//! A running harness, and what it leaves behind.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, sleep, timeout};

/// Long enough for a machine that builds something else at the same time.
const LIMIT: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(50);
const POSTGRES_ENDS_WITHIN: Duration = Duration::from_secs(10);

/// A data folder, which the user that Postgres runs as can enter.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("harness-")
            .tempdir()
            .unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The commands of all processes of this run.
    fn commands(&self) -> Vec<String> {
        let processes = self.processes().into_iter();
        processes.map(|process| process.command).collect()
    }

    /// The process that runs this part.
    pub(crate) fn process(&self, part: &str) -> Process {
        let mut processes = self.processes().into_iter();
        processes
            .find(|process| process.command.contains(part))
            .unwrap_or_else(|| panic!("no {part} runs"))
    }

    /// The processes of this run, which have its folder on their command line or in their environment, or work in it.
    /// The services and instances close their environments to other processes.
    pub(crate) fn processes(&self) -> Vec<Process> {
        let folder = self.0.path().to_str().unwrap().as_bytes();
        let ours = |path: &Path| {
            let has = |file: &str| {
                let text = fs::read(path.join(file)).unwrap_or_default();
                text.windows(folder.len()).any(|part| part == folder)
            };
            let cwd = fs::read_link(path.join("cwd")).unwrap_or_default();
            has("cmdline") || has("environ") || cwd.starts_with(self.0.path())
        };
        let all = fs::read_dir("/proc").unwrap().flatten();
        let all = all.map(|entry| entry.path()).filter(|path| ours(path));
        all.filter_map(|path| Process::read(&path)).collect()
    }

    /// Waits until only the instances of a run are left.
    pub(crate) async fn only_instances_are_left(&self) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let others: Vec<_> = self
                .commands()
                .into_iter()
                .filter(|one| !one.contains("agent-runtime"))
                .collect();
            if others.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "still there: {others:?}");
            sleep(POLL).await;
        }
    }
}

/// A process of a run.
pub(crate) struct Process {
    pub(crate) pid: Pid,
    pub(crate) command: String,
}

impl Process {
    /// From its folder in `/proc`; `None` if it has ended.
    fn read(path: &Path) -> Option<Self> {
        let pid = path.file_name()?.to_str()?.parse().ok()?;
        let line = fs::read(path.join("cmdline")).ok()?;
        let command = String::from_utf8_lossy(&line).replace('\0', " ");
        (!command.is_empty()).then_some(Self {
            pid: Pid::from_raw(pid),
            command,
        })
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid, signal).unwrap();
    }
}

/// A running harness.
pub(crate) struct Harness<'a> {
    home: &'a Home,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    output: String,
}

impl<'a> Harness<'a> {
    pub(crate) async fn start(home: &'a Home, arguments: &[&str]) -> Self {
        Self::start_with(home, arguments, &[]).await
    }

    /// The same with further variables.
    pub(crate) async fn start_with(
        home: &'a Home,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mock-harness"))
            .args(["--port", "0", "--data-dir"])
            .arg(home.0.path())
            .args(arguments)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            home,
            child,
            lines,
            output: String::new(),
        }
    }

    /// Reads until a line has `text`, and returns that line.
    pub(crate) async fn line_with(&mut self, text: &str) -> String {
        let reading = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                self.output.push_str(&line);
                self.output.push('\n');
                if line.contains(text) {
                    return line;
                }
            }
            let mut error = String::new();
            self.child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut error)
                .await
                .unwrap();
            panic!("it ended without {text:?}:\n{}{error}", self.output);
        };
        timeout(LIMIT, reading).await.expect(text)
    }

    pub(crate) async fn warm(&mut self) {
        self.line_with("Ctrl-C stops everything").await;
    }

    /// The invite URL of `--claim NAME`, and all that was printed so far.
    pub(crate) async fn invite_of(&mut self, name: &str) -> (String, String) {
        let line = self.line_with(&format!("{name} is instance")).await;
        let (_, url) = line.split_once(": ").unwrap();
        (url.to_owned(), self.output.clone())
    }

    /// The text after `label` in the guide.
    pub(crate) fn printed(&self, label: &str) -> String {
        let line = self
            .output
            .lines()
            .find_map(|line| line.trim().strip_prefix(label));
        line.unwrap().trim().to_owned()
    }

    /// The answer of one of the printed APIs.
    pub(crate) async fn get(&self, api: &str, path: &str) -> serde_json::Value {
        let client = agent_pool_core::http::bare_builder().build().unwrap();
        let request = client.get(format!("{}/{path}", self.printed(api)));
        let response = request.bearer_auth(self.printed("key")).send().await;
        response.unwrap().json().await.unwrap()
    }

    /// Sends a request without a body to one of the printed APIs, and returns the status.
    pub(crate) async fn send(&self, method: reqwest::Method, api: &str, path: &str) -> u16 {
        let client = agent_pool_core::http::bare_builder().build().unwrap();
        let request = client.request(method, format!("{}/{path}", self.printed(api)));
        let response = request.bearer_auth(self.printed("key")).send().await;
        response.unwrap().status().as_u16()
    }

    /// Sends a body to one of the printed APIs, which has to accept it.
    pub(crate) async fn post(
        &self,
        method: reqwest::Method,
        api: &str,
        path: &str,
        body: &serde_json::Value,
    ) -> serde_json::Value {
        let client = agent_pool_core::http::bare_builder().build().unwrap();
        let request = client.request(method, format!("{}/{path}", self.printed(api)));
        let request = request.bearer_auth(self.printed("key")).json(body);
        let response = request.send().await.unwrap().error_for_status().unwrap();
        response.json().await.unwrap()
    }

    /// The printed `curl` command, for a shell.
    pub(crate) async fn printed_claim(&mut self) -> String {
        self.warm().await;
        let from = self.output.find("curl -X POST").unwrap();
        let to = from + self.output[from..].find("\n\n").unwrap();
        self.output[from..to].to_owned()
    }

    /// Ctrl-C. Returns the processes that are left once the harness has ended well.
    pub(crate) async fn interrupt(&mut self) -> Vec<String> {
        self.stop_by(Signal::SIGINT).await
    }

    /// The same by another signal.
    pub(crate) async fn stop_by(&mut self, signal: Signal) -> Vec<String> {
        // Otherwise no process would be found below either.
        self.home.process("services-svc");
        self.signal(signal);
        let status = self.end().await;
        assert!(status.success(), "{status}:\n{}", self.output);
        // `pg_ctl` reports that Postgres has stopped a moment before its process ends.
        let deadline = Instant::now() + POSTGRES_ENDS_WITHIN;
        loop {
            let left = self.home.commands();
            let only_postgres = left.iter().all(|command| command.contains("/postgres "));
            if left.is_empty() || !only_postgres || Instant::now() >= deadline {
                return left;
            }
            sleep(POLL).await;
        }
    }

    /// The exit code and the standard error of a harness that ends by itself.
    pub(crate) async fn ended(&mut self) -> (Option<i32>, String) {
        let mut error = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        let read = timeout(LIMIT, stderr.read_to_string(&mut error)).await;
        read.unwrap().unwrap();
        (self.end().await.code(), error)
    }

    pub(crate) async fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.end().await;
    }

    /// The error of a harness that fails.
    pub(crate) async fn failure(&mut self) -> String {
        let (code, error) = self.ended().await;
        assert_eq!(code, Some(1), "{error}");
        error
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        kill(Pid::from_raw(id), signal).unwrap();
    }

    async fn end(&mut self) -> ExitStatus {
        timeout(LIMIT, self.child.wait())
            .await
            .expect("it does not end")
            .unwrap()
    }
}

impl Drop for Harness<'_> {
    /// A test that fails stops its harness as a user would.
    fn drop(&mut self) {
        if let Some(id) = self.child.id() {
            kill(Pid::from_raw(i32::try_from(id).unwrap()), Signal::SIGINT).ok();
        }
    }
}
