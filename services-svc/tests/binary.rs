//! Tests of the real binary: its start, its end, its linked providers, and its messages about wrong settings.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use agent_pool_core::wire::services::RegistryReply;
use agent_pool_service_kit::testing::{TestDatabase, eventually, fresh_database};
use diesel_async::SimpleAsyncConnection as _;
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

/// Kills the process if the test fails before it ends.
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

/// The binary on a database of its own, once it listens, and its address.
async fn listening(database: &TestDatabase) -> (Running, String) {
    let settings = [
        ("PORT", "0"),
        ("POOL_API_KEY", "a-key-of-16-characters"),
        ("SERVICES_DATABASE_URL", database.url().as_secret().expose()),
    ];
    let mut running = Running(binary(&settings).spawn().unwrap());
    let stdout = running.0.stdout.take().unwrap();
    let read = tokio::task::spawn_blocking(move || BufReader::new(stdout).lines().next());
    let line = read.await.unwrap().unwrap().unwrap();
    let url = line.strip_prefix("listening on ").unwrap();
    (running, url.to_owned())
}

#[tokio::test]
async fn it_migrates_serves_and_ends_on_sigterm_with_0() {
    let database = fresh_database(MIGRATIONS, "binary").await;
    let (mut running, url) = listening(&database).await;
    let client = agent_pool_core::http::bare_builder().no_proxy().build();
    let client = client.unwrap();
    // The database has a second to answer it, which may be too short on a busy machine.
    eventually("it is ready", Duration::from_secs(20), async || {
        let ready = client.get(format!("{url}/readyz")).send().await.unwrap();
        ready.status() == 200
    })
    .await;

    let pid = Pid::from_raw(running.0.id().try_into().unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    let ended = tokio::task::spawn_blocking(move || running.0.wait().unwrap());
    assert_eq!(ended.await.unwrap().code(), Some(0));
}

/// The ids of the providers that this crate depends on: `provider-telnyx` provides `telnyx`.
fn providers_of_the_manifest() -> BTreeSet<&'static str> {
    let lines = include_str!("../Cargo.toml").lines();
    let crates = lines.filter_map(|line| line.strip_prefix("provider-"));
    let ids: BTreeSet<_> = crates
        .map(|rest| rest.split(['.', ' ']).next().unwrap())
        .collect();
    assert!(ids.contains("railway") && ids.contains("local") && ids.len() >= 5);
    ids
}

/// A crate that is not named in `main.rs` is not linked, and no other test would notice.
#[tokio::test]
async fn this_distribution_has_the_providers_that_it_depends_on_and_makes_instances_on_railway() {
    let database = fresh_database(MIGRATIONS, "binary").await;
    let (_running, url) = listening(&database).await;
    let client = agent_pool_core::http::bare_builder().no_proxy().build();
    let request = client
        .unwrap()
        .get(format!("{url}/registry"))
        .bearer_auth("a-key-of-16-characters");
    let registry: RegistryReply = request.send().await.unwrap().json().await.unwrap();
    let tools = registry.tools.iter().map(|tool| tool.id.as_str());
    let infra = registry.infra.iter().map(|infra| infra.id.as_str());
    let listed: BTreeSet<&str> = tools.chain(infra).collect();
    assert_eq!(listed, providers_of_the_manifest());
    let made_on = registry.infra.iter().filter(|infra| infra.selected);
    assert!(made_on.map(|infra| infra.id.as_str()).eq(["railway"]));
    for settings in registry.tools.iter().map(|tool| &tool.settings) {
        let has = |end: &str| settings.iter().any(|one| one.variable.ends_with(end));
        assert!(has("_API_URL") && has("_MAX_ATTEMPTS"), "{settings:?}");
    }
}

/// Every file in a folder and below.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let below = paths.map(|path| match path.is_dir() {
        true => files_of(&path),
        false => vec![path],
    });
    below.flatten().collect()
}

#[test]
fn the_library_names_no_provider() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut library = files_of(&folder);
    library.retain(|file| *file != folder.join("main.rs"));
    assert!(library.contains(&folder.join("ops/registry.rs")));
    for file in library {
        let source = fs::read_to_string(&file).unwrap().to_lowercase();
        let vendors = ["railway", "openrouter", "agentmail", "telnyx"];
        for name in [&vendors[..], &["provider_local", "\"local\""]].concat() {
            assert!(!source.contains(name), "{} names {name}", file.display());
        }
    }
}

#[tokio::test]
async fn rekey_seals_everything_now_and_reports_the_counts() {
    const OLD: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    const NEW: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
    let database = fresh_database(MIGRATIONS, "binary").await;
    let mut conn = database.db().conn().await.unwrap();
    let rows = "INSERT INTO instance_infra (instance_id, provider, provider_service_id, provider_env_id, runtime_key)
                VALUES ('instance0001', 'local', 's', 'e', 'hush');
                INSERT INTO instance_services (instance_id, tool_id, resource_id, env_key, env_value, more_env, status)
                VALUES ('instance0001', 'mail', 'r', 'MAIL', 'hush', '{\"MORE\": \"hush\"}', 'active')";
    conn.batch_execute(rows).await.unwrap();
    let rekey = async |keys: &str| {
        let settings = [
            ("POOL_API_KEY", "a-key-of-16-characters"),
            ("SERVICES_DATABASE_URL", database.url().as_secret().expose()),
            ("SERVICES_ENCRYPTION_KEY", keys),
        ];
        let mut command = binary(&settings);
        command.arg("rekey");
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        let output = output.await.unwrap();
        let (stdout, stderr) = text(&output);
        (output.status.success(), stdout + &stderr)
    };
    let rotating = format!("{NEW},{OLD}");
    for (keys, done, report) in [
        ("", false, "SERVICES_ENCRYPTION_KEY is not set"),
        (OLD, true, "sealed 3 values"),
        (NEW, false, "opens 3 values"),
        (&rotating, true, "sealed 3 values"),
        (
            NEW,
            true,
            "sealed 0 values with the first key of SERVICES_ENCRYPTION_KEY; 3 were",
        ),
    ] {
        let (succeeded, said) = rekey(keys).await;
        assert!(
            succeeded == done && said.contains(report),
            "{report}: {said}"
        );
        assert!(!said.contains("hush"), "{said}");
    }
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
        "RAILWAY_MAX_ATTEMPTS",
        "LOCAL_GRANT_TTL_MS",
    ] {
        assert!(help.contains(variable), "{variable}: {help}");
    }
    assert!(help.contains("PORT (default 3002)"), "{help}");
    let (version, _) = text(&binary(&[]).arg("--version").output().unwrap());
    let expected = agent_pool_core::version_with_commit(env!("CARGO_PKG_VERSION"));
    assert_eq!(version.trim(), format!("services-svc {expected}"));
    let wrong = binary(&[]).arg("--port").output().unwrap();
    assert_eq!(wrong.status.code(), Some(1));
}
