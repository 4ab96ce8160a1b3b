//! `--containers`: the whole system with containers of a real engine.

use std::fs;
use std::path::Path;

use agent_pool_core::settings::Environment;
use agent_pool_engine::{Engine, missing_program};
use reqwest::Method;
use tokio::sync::Mutex;

use crate::support::{Harness, Home};
use crate::{get, until};

/// Held by a test with its own engine: two engines that create and remove networks on one machine at the same time were
/// seen to lose each other's.
static ENGINE: Mutex<()> = Mutex::const_new(());

/// Whether there is no engine; then the test is reported as skipped. In CI an engine is required.
fn skipped() -> bool {
    let Some(missing) = missing_program() else {
        return false;
    };
    let ci = Environment::of_process().get("CI").is_some();
    assert!(!ci, "{missing} is not installed");
    eprintln!("SKIPPED: {missing} is not installed");
    true
}

/// Our resources on the engine.
fn held(engine: &Engine) -> Vec<String> {
    let podman = engine.podman().unwrap();
    let all = [
        &["ps", "--all", "--format", "{{.Names}}"][..],
        &["volume", "ls", "--format", "{{.Name}}"],
        &["network", "ls", "--format", "{{.Name}}"],
    ];
    let all = all.map(|list| podman.run(list).unwrap());
    let names = all.iter().flat_map(|list| list.lines());
    let ours = names.filter(|name| name.starts_with("ap-"));
    ours.map(str::to_owned).collect()
}

async fn says(url: &str, text: &str) -> bool {
    match get(url).await {
        Ok(page) => page.text().await.unwrap_or_default().contains(text),
        Err(_) => false,
    }
}

#[tokio::test]
async fn agents_in_containers_are_claimed_redeployed_and_killed_without_a_trace() {
    if skipped() {
        return;
    }
    let _alone = ENGINE.lock().await;
    let engine = Engine::private().await.unwrap();
    let variables = [("DOCKER_HOST", engine.host()), ("DOCKER_RESTART_MAX", "0")];
    let home = Home::new();
    let arguments = ["--containers", "--min-idle", "3", "--claim", "Tulip"];
    let mut harness = Harness::start_with(&home, &arguments, &variables).await;
    let (invite, _) = harness.invite_of("Tulip").await;
    let client = agent_pool_core::http::bare_builder().build().unwrap();
    let said = [("text", "remember the milk")];
    let sent = client.post(&invite).form(&said).send().await.unwrap();
    sent.error_for_status().unwrap();

    let status = harness.get("Pool API", "api/pool/status").await;
    let instances = status["instances"].as_array().unwrap();
    let claimed = instances.iter().find(|one| one["agentName"] == "Tulip");
    let id = claimed.unwrap()["id"].as_str().unwrap();
    let redeploy = format!("redeploy/{id}");
    assert_eq!(
        harness.send(Method::POST, "Services API", &redeploy).await,
        200
    );
    until("the conversation exists after a redeployment", async || {
        says(&invite, "remember the milk").await
    })
    .await;

    // Killed from outside: the reason is shown.
    let podman = engine.podman().unwrap();
    let filter = format!("label=agent-pool.instance={id}");
    let container = podman.run(&["ps", "--filter", &filter, "--format", "{{.ID}}"]);
    podman.run(&["kill", &container.unwrap()]).unwrap();
    let details = format!("instances/{id}");
    until("its end is explained", async || {
        let shown = harness.get("Services API", &details).await.to_string();
        shown.contains("CRASHED") && shown.contains("exit code 137")
    })
    .await;

    let kill = format!("api/pool/instances/{id}");
    assert_eq!(harness.send(Method::DELETE, "Pool API", &kill).await, 200);
    until("none of its resources is left", async || {
        held(&engine).iter().all(|name| !name.contains(id))
    })
    .await;
    assert!(!held(&engine).is_empty(), "the others run");

    assert_eq!(harness.interrupt().await, Vec::<String>::new());
    assert_eq!(held(&engine), Vec::<String>::new());
}

#[tokio::test]
async fn without_an_engine_of_the_machine_a_private_one_runs_them_and_goes() {
    let sockets = ["/var/run/docker.sock", "/run/podman/podman.sock"];
    if skipped() || sockets.iter().any(|socket| Path::new(socket).exists()) {
        return;
    }
    let _alone = ENGINE.lock().await;
    let home = Home::new();
    let arguments = ["--containers", "--min-idle", "1"];
    let mut harness = Harness::start(&home, &arguments).await;
    harness.warm().await;
    let engine = fs::read_to_string(home.path().join("engine")).unwrap();
    assert!(Path::new(engine.trim()).exists());
    assert_eq!(harness.interrupt().await, Vec::<String>::new());
    assert!(!Path::new(engine.trim()).exists(), "the engine remains");
}

#[tokio::test]
async fn an_engine_that_does_not_answer_is_refused_with_what_to_do() {
    let home = Home::new();
    let variables = [("DOCKER_HOST", "unix:///nowhere/engine.sock")];
    let mut harness = Harness::start_with(&home, &["--containers"], &variables).await;
    let error = harness.failure().await;
    assert!(
        error.contains("/nowhere/engine.sock") && error.contains("DOCKER_HOST"),
        "{error}"
    );
}
