//! The harness as a new user runs it: a real binary, real processes, a real Postgres.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod containers;
mod kubernetes;
mod support;

use std::time::Duration;

use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::json;
use support::{Harness, Home};
use tokio::time::{Instant, sleep};

async fn get(url: &str) -> reqwest::Result<reqwest::Response> {
    let client = agent_pool_core::http::bare_builder().build()?;
    client.get(url).send().await
}

#[tokio::test]
async fn it_warms_claims_and_takes_everything_down() {
    let home = Home::new();
    let mut harness = Harness::start(&home, &["--min-idle", "2", "--claim", "Tulip"]).await;
    let (invite, output) = harness.invite_of("Tulip").await;
    assert!(
        output.contains("instance ") && output.contains(" idle"),
        "{output}"
    );

    let page = get(&invite).await.unwrap().text().await.unwrap();
    assert!(page.contains("<h1>Tulip</h1>"), "{page}");

    let left = harness.interrupt().await;
    assert_eq!(left, Vec::<String>::new(), "processes are left");
    // An instance of another test may have got its port.
    let answers = get(&invite).await;
    let answers = answers.is_ok_and(|page| page.status().is_success());
    assert!(!answers, "the instance still answers");
}

#[tokio::test]
async fn on_the_fake_cloud_the_four_real_providers_warm_and_claim() {
    let home = Home::new();
    let arguments = ["--cloud", "--min-idle", "5", "--claim", "Tulip"];
    let mut harness = Harness::start(&home, &arguments).await;
    let (invite, _) = harness.invite_of("Tulip").await;
    let page = get(&invite).await.unwrap().text().await.unwrap();
    assert!(page.contains("<h1>Tulip</h1>"), "{page}");
    assert_eq!(
        harness.interrupt().await,
        Vec::<String>::new(),
        "processes are left"
    );
}

/// New services are not found for a while, projects can be created one at a time, and the edge blocks for a day.
#[tokio::test]
async fn on_a_cloud_as_slow_and_strict_as_the_vendors_it_warms_and_claims() {
    let home = Home::new();
    let arguments = ["--cloud", "--like-live", "2", "--min-idle", "3"];
    let mut harness =
        Harness::start(&home, &[&arguments[..], &["--claim", "Tulip"]].concat()).await;
    let (invite, _) = harness.invite_of("Tulip").await;
    let page = get(&invite).await.unwrap().text().await.unwrap();
    assert!(page.contains("<h1>Tulip</h1>"), "{page}");
    let status = harness.get("Pool API", "api/pool/status").await;
    assert_eq!(
        status["creationFailures"],
        serde_json::json!([]),
        "{status}"
    );
    assert_eq!(harness.interrupt().await, Vec::<String>::new());
}

#[tokio::test]
async fn tools_of_the_command_line_equip_every_instance_or_are_refused_with_the_reason() {
    let home = Home::new();
    let arguments = ["--min-idle", "1", "--tools", "mock-mail"];
    let mut harness = Harness::start(&home, &arguments).await;
    harness.warm().await;
    let info = harness.get("Pool API", "api/pool/info").await;
    assert_eq!(info["tools"], serde_json::json!(["mock-mail"]), "{info}");
    harness.interrupt().await;

    let mut refused = Harness::start(&home, &["--tools", "telnyx"]).await;
    let error = refused.failure().await;
    assert!(error.contains("TELNYX_API_KEY is required"), "{error}");
}

#[tokio::test]
async fn the_curl_that_it_prints_claims_an_agent() {
    let home = Home::new();
    let mut harness = Harness::start(&home, &["--min-idle", "1"]).await;
    let command = harness.printed_claim().await;
    let output = tokio::process::Command::new("sh")
        .arg("-c")
        .arg(command)
        // Where a proxy is set, curl would ask it.
        .env("no_proxy", "127.0.0.1")
        .output()
        .await
        .unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["joined"], false, "{answer}");
    let page = get(answer["inviteUrl"].as_str().unwrap()).await.unwrap();
    assert!(page.text().await.unwrap().contains("Tulip"));
    assert_eq!(
        harness.interrupt().await,
        Vec::<String>::new(),
        "processes are left"
    );
}

#[tokio::test]
async fn what_was_claimed_is_there_again_at_the_next_start() {
    let home = Home::new();
    let mut first = Harness::start(&home, &["--min-idle", "1", "--claim", "Tulip"]).await;
    let (invite, _) = first.invite_of("Tulip").await;
    let said = [("text", "remember the milk")];
    let client = agent_pool_core::http::bare_builder().build().unwrap();
    client
        .post(&invite)
        .form(&said)
        .send()
        .await
        .unwrap()
        .error_for_status()
        .unwrap();
    first.interrupt().await;

    let mut second = Harness::start(&home, &["--min-idle", "1"]).await;
    second.warm().await;
    let page = get(&invite).await.unwrap().text().await.unwrap();
    assert!(page.contains("remember the milk"), "{page}");
    assert_eq!(
        second.interrupt().await,
        Vec::<String>::new(),
        "processes are left"
    );
}

#[tokio::test]
async fn a_changed_recipe_reaches_idle_ones_by_itself_and_an_agent_on_request_with_its_conversation()
 {
    let home = Home::new();
    let mut harness = Harness::start(&home, &["--min-idle", "2", "--claim", "Tulip"]).await;
    let (invite, _) = harness.invite_of("Tulip").await;
    let client = agent_pool_core::http::bare_builder().build().unwrap();
    let said = [("text", "remember the milk")];
    let sent = client.post(&invite).form(&said).send().await.unwrap();
    sent.error_for_status().unwrap();

    let recipe = json!({ "recipe": { "variables": { "MOOD": "calm" } } });
    let pool = "api/pool/pools/default";
    harness.post(Method::PATCH, "Pool API", pool, &recipe).await;
    until("the idle ones are replaced", async || {
        harness.get("Pool API", pool).await["rollout"]["state"] == "done"
    })
    .await;
    let upgrades = "api/pool/upgrades";
    let all = json!({ "pool": "default" });
    let requested = harness.post(Method::POST, "Pool API", upgrades, &all).await;
    assert_eq!(requested["count"], 1, "{requested}");
    let id = requested["instanceIds"][0].as_str().unwrap();
    until("the agent is upgraded", async || {
        let answer = harness.get("Pool API", upgrades).await;
        let rows = answer["instances"].as_array().unwrap().clone();
        let row = rows.iter().find(|row| row["instanceId"] == id).unwrap();
        row["upgrade"]["state"] == "done" && row["current"] == true
    })
    .await;
    let details = harness
        .get("Services API", &format!("instances/{id}"))
        .await;
    let names = details["madeFrom"]["variables"]["names"]
        .as_array()
        .unwrap();
    assert!(names.contains(&json!("MOOD")), "{details}");
    let page = get(&invite).await.unwrap().text().await.unwrap();
    assert!(page.contains("remember the milk"), "{page}");
    assert_eq!(harness.interrupt().await, Vec::<String>::new());
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(90);
    while !is_so().await {
        assert!(Instant::now() < deadline, "not in time: {what}");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn killed_without_warning_it_leaves_no_service_and_no_postgres() {
    let home = Home::new();
    let mut killed = Harness::start(&home, &["--min-idle", "1"]).await;
    killed.warm().await;
    killed.kill().await;
    // Instances outlive their infra's process by design; the next start finds them.
    home.only_instances_are_left().await;

    let mut next = Harness::start(&home, &["--min-idle", "1"]).await;
    next.warm().await;
    assert_eq!(
        next.interrupt().await,
        Vec::<String>::new(),
        "processes are left"
    );
}

#[tokio::test]
async fn a_folder_that_is_in_use_is_refused_and_its_user_named() {
    let home = Home::new();
    let mut first = Harness::start(&home, &["--min-idle", "1"]).await;
    first.warm().await;
    // `--cloud` has a Postgres of its own, so that only the folder's lock stands in the way.
    for arguments in [&["--min-idle", "1"][..], &["--cloud"]] {
        let error = Harness::start(&home, arguments).await.failure().await;
        assert!(error.contains("is in use by another process"), "{error}");
        assert!(error.contains(&first.pid().to_string()), "{error}");
    }
    assert_eq!(first.interrupt().await, Vec::<String>::new());
}

#[tokio::test]
async fn idle_instances_of_an_earlier_run_with_other_tools_are_replaced() {
    let home = Home::new();
    let mut first = Harness::start(&home, &["--min-idle", "1"]).await;
    first.warm().await;
    first.interrupt().await;
    let arguments = ["--min-idle", "1", "--tools", "mock-mail"];
    let mut second = Harness::start(&home, &arguments).await;
    second.warm().await;
    let status: serde_json::Value = second.get("Pool API", "api/pool/status").await;
    let instances = status["instances"].as_array().unwrap().iter();
    let idle: Vec<_> = instances.filter(|one| one["status"] == "idle").collect();
    assert!(!idle.is_empty(), "{status}");
    for instance in idle {
        let path = format!("instances/{}", instance["id"].as_str().unwrap());
        let details = second.get("Services API", &path).await;
        let tools = details["tools"].as_array().unwrap().iter();
        let tools: Vec<_> = tools.map(|tool| &tool["toolId"]).collect();
        assert_eq!(tools, ["mock-mail"], "{details}");
    }
    second.interrupt().await;
}

#[tokio::test]
async fn a_closed_terminal_stops_everything_too() {
    let home = Home::new();
    let mut harness = Harness::start(&home, &["--min-idle", "1"]).await;
    harness.warm().await;
    assert_eq!(
        harness.stop_by(Signal::SIGHUP).await,
        Vec::<String>::new(),
        "processes are left"
    );
    let mut harness = Harness::start(&home, &["--min-idle", "1"]).await;
    harness.warm().await;
    let left = harness.stop_by(Signal::SIGQUIT).await;
    assert_eq!(left, Vec::<String>::new(), "Ctrl-\\ leaves processes");
}

#[tokio::test]
async fn the_second_interrupt_ends_it_at_once_and_says_what_remains() {
    let home = Home::new();
    let mut harness = Harness::start(&home, &["--min-idle", "1"]).await;
    harness.warm().await;
    // A service that does not end: the harness would wait 90 s for it.
    let pool = home.process("pool-svc");
    pool.signal(Signal::SIGSTOP);
    harness.signal(Signal::SIGINT);
    harness.line_with("Ctrl-C again").await;
    harness.signal(Signal::SIGINT);
    let (code, error) = harness.ended().await;
    assert_eq!(code, Some(130), "{error}");
    assert!(error.contains("the next start"), "{error}");
    pool.signal(Signal::SIGCONT);
    home.only_instances_are_left().await;
    // The next start takes over the instances.
    let mut next = Harness::start(&home, &["--min-idle", "1"]).await;
    next.warm().await;
    assert_eq!(next.interrupt().await, Vec::<String>::new());
}
