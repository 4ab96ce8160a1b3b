//! The real binary: its start, its end, and what it says when its settings are wrong.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use agent_pool_service_kit::testing::fresh_database;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use services_svc::MIGRATIONS;

/// The binary with no settings but these.
fn binary(settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_services-svc"));
    command
        .env_clear()
        .envs(settings.iter().copied())
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Kills the process where the test fails before it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn text(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn it_migrates_serves_and_ends_on_sigterm_with_0() {
    let database = fresh_database(MIGRATIONS, "binary").await;
    let settings = [
        ("PORT", "0"),
        ("POOL_API_KEY", "k"),
        ("SERVICES_DATABASE_URL", database.url().as_secret().expose()),
        ("INFRA_PROVIDER", "local"),
    ];
    let mut running = Running(binary(&settings).spawn().unwrap());
    let stdout = running.0.stdout.take().unwrap();
    let read = tokio::task::spawn_blocking(move || BufReader::new(stdout).lines().next());
    let line = read.await.unwrap().unwrap().unwrap();
    let url = line.strip_prefix("listening on ").unwrap();
    let ready = reqwest::get(format!("{url}/readyz")).await.unwrap();
    assert_eq!(ready.status(), 200);

    let pid = Pid::from_raw(running.0.id().try_into().unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    let ended = tokio::task::spawn_blocking(move || running.0.wait().unwrap());
    assert_eq!(ended.await.unwrap().code(), Some(0));
}

#[test]
fn one_message_names_every_fault_of_the_settings() {
    let settings = [
        ("PORT", "many"),
        ("INFRA_PROVIDER", "nosuch"),
        ("HEALTH_CONCURRENCY", "0"),
        ("HEALTH_TIMEOUT_MS", "soon"),
        ("SWEEP_DESTROY", "maybe"),
        ("SERVICES_ENCRYPTION_KEY", "hunter2"),
        ("POOL_ENVIRONMENT", "Production!"),
        ("INSTANCE_ENV_A-B", "x"),
    ];
    let output = binary(&settings).output().unwrap();
    let (_, stderr) = text(&output);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let missing = ["POOL_API_KEY", "SERVICES_DATABASE_URL"];
    for variable in settings.iter().map(|(name, _)| *name).chain(missing) {
        assert!(
            stderr.contains(&format!("\n{variable} ")),
            "{variable}: {stderr}"
        );
    }
    assert!(!stderr.contains("hunter2"), "{stderr}");
}

#[test]
fn help_lists_every_setting_and_version_the_version() {
    let (help, _) = text(&binary(&[]).arg("--help").output().unwrap());
    for variable in [
        "SERVICES_DATABASE_URL",
        "SWEEP_GRACE_MS",
        "INSTANCE_ENV_*",
        "LOCAL_RUNTIME_COMMAND",
    ] {
        assert!(help.contains(variable), "{variable}: {help}");
    }
    assert!(help.contains("PORT (default 3002)"), "{help}");
    let (version, _) = text(&binary(&[]).arg("--version").output().unwrap());
    assert_eq!(
        version.trim(),
        concat!("services-svc ", env!("CARGO_PKG_VERSION"))
    );
    let wrong = binary(&[]).arg("--port").output().unwrap();
    assert_eq!(wrong.status.code(), Some(1));
}
