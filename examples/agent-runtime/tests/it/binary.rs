//! The program itself: how it starts and how it ends.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::instance::form;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::tempdir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Long enough for a machine that builds something else at the same time.
const LIMIT: Duration = Duration::from_secs(60);

fn program(folder: &Path) -> Command {
    program_at(env!("CARGO_BIN_EXE_agent-runtime").as_ref(), folder)
}

fn program_at(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PORT", "0")
        .env("INSTANCE_DATA_DIR", folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn url(child: &mut Child) -> String {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = timeout(LIMIT, lines.next_line()).await.unwrap().unwrap();
    line.unwrap()
        .strip_prefix("listening on ")
        .unwrap()
        .to_owned()
}

async fn ends(child: &mut Child) -> Option<i32> {
    timeout(LIMIT, child.wait()).await.unwrap().unwrap().code()
}

fn terminate(child: &Child) {
    send(child, Signal::SIGTERM);
}

fn send(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id().unwrap()).unwrap();
    kill(Pid::from_raw(pid), signal).unwrap();
}

#[tokio::test]
async fn without_a_key_it_refuses_to_start_and_says_why() {
    let folder = tempdir().unwrap();
    let output = program(folder.path()).output();
    let output = timeout(LIMIT, output).await.unwrap().unwrap();
    assert_ne!(output.status.code(), Some(0));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("POOL_API_KEY is required")
    );
}

#[tokio::test]
async fn sigterm_ends_it_with_0_though_a_connection_is_kept_open() {
    let folder = tempdir().unwrap();
    let mut child = program(folder.path())
        .env("POOL_API_KEY", "k")
        .spawn()
        .unwrap();
    let url = url(&mut child).await;
    let http = agent_pool_core::http::bare_builder().build().unwrap();
    let health = http.get(format!("{url}/pool/health")).bearer_auth("k");
    assert!(health.send().await.unwrap().status().is_success());
    terminate(&child);
    assert_eq!(ends(&mut child).await, Some(0));
}

#[tokio::test]
async fn a_request_that_has_begun_is_answered_before_the_end() {
    let model = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let model_url = format!("http://{}", model.local_addr().unwrap());
    let folder = tempdir().unwrap();
    let mut command = program(folder.path());
    command
        .env("POOL_API_KEY", "k")
        .env("OPENROUTER_API_KEY", "sk-or-v1-real");
    let mut child = command
        .env("OPENROUTER_API_URL", model_url)
        .spawn()
        .unwrap();
    let url = url(&mut child).await;
    let http = agent_pool_core::http::bare_builder().redirect(reqwest::redirect::Policy::none());
    let http = http.build().unwrap();
    let body = json!({ "agentName": "Tulip", "instructions": "Be kind." });
    let provision = http
        .post(format!("{url}/pool/provision"))
        .bearer_auth("k")
        .json(&body);
    let provisioned: Value = provision.send().await.unwrap().json().await.unwrap();
    let invite = provisioned["inviteUrl"].as_str().unwrap().to_owned();

    let said = tokio::spawn(form(&http, &invite, "hello").send());
    let (mut asked, _) = timeout(LIMIT, model.accept()).await.unwrap().unwrap();
    // An answer before the request would be an error of the connection.
    asked.readable().await.unwrap();
    terminate(&child);
    let refused = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n";
    asked.write_all(refused).await.unwrap();
    assert_eq!(said.await.unwrap().unwrap().status(), 303);
    assert_eq!(ends(&mut child).await, Some(0));
}

#[tokio::test]
async fn a_closed_terminal_ends_it_and_its_log_has_no_colour_codes() {
    let folder = tempdir().unwrap();
    let mut command = program(folder.path());
    command.env("POOL_API_KEY", "k").env("HOST", "conda");
    let mut child = command.spawn().unwrap();
    url(&mut child).await;
    send(&child, Signal::SIGHUP);
    let output = timeout(LIMIT, child.wait_with_output()).await.unwrap();
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("HOST is \"conda\""), "{log}");
    assert!(!log.contains('\x1b'), "{log:?}");
}

#[tokio::test]
async fn with_a_host_it_listens_on_that_address_alone() {
    let folder = tempdir().unwrap();
    let mut command = program(folder.path());
    command.env("POOL_API_KEY", "k").env("HOST", "127.0.0.1");
    let mut child = command.spawn().unwrap();
    let url = url(&mut child).await;
    let port = url.rsplit_once(':').unwrap().1;
    let elsewhere = format!("127.0.0.2:{port}");
    assert!(tokio::net::TcpStream::connect(elsewhere).await.is_err());
}

/// Root reads everything, so as root the program runs as another user, from a folder that this user can enter.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_other_process_of_its_user_reads_its_environment() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
    let folder = tempdir().unwrap();
    let mut command = program(folder.path());
    if nix::unistd::geteuid().is_root() {
        let user = nix::unistd::User::from_name("nobody").unwrap().unwrap();
        let copy = folder.path().join("agent-runtime");
        // By another process: a file that this one writes may be open in the child of another test, and is then busy.
        let mut cp = Command::new("cp");
        cp.args(["-p", env!("CARGO_BIN_EXE_agent-runtime")])
            .arg(&copy);
        assert!(cp.status().await.unwrap().success());
        chown(folder.path(), Some(user.uid.as_raw()), None).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        command = program_at(&copy, folder.path());
        command.uid(user.uid.as_raw());
    }
    let mut child = command.env("POOL_API_KEY", "k").spawn().unwrap();
    url(&mut child).await;
    let environment = format!("/proc/{}/environ", child.id().unwrap());
    // The kernel makes root the owner of files in /proc that may not be read.
    assert_eq!(fs::metadata(&environment).unwrap().uid(), 0);
    let status = fs::read_to_string(format!("/proc/{}/status", child.id().unwrap())).unwrap();
    let root = status.lines().any(|line| line.starts_with("Uid:\t0"));
    assert!(!root, "it runs as root, so this proves nothing");
}
