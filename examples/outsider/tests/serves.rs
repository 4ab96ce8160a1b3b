//! The distribution as its operator runs it: a real binary on its own database.

#![cfg(test)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use agent_pool_core::wire::services::RegistryReply;
use agent_pool_service_kit::testing::{TestDatabase, eventually, fresh_database};
use serde_json::{Value, json};
use services_svc::MIGRATIONS;

const INSTANCE: &str = "outsider0001";
/// The command of an instance: it stores its token, and keeps running.
const RUNTIME: &str =
    r#"sh -c 'printf %s "$TEAM_TOKEN" > "$INSTANCE_DATA_DIR/token"; exec sleep 600'"#;

/// The binary; it is killed if the test fails.
struct Outsider {
    process: Child,
    url: String,
    http: reqwest::Client,
}

impl Drop for Outsider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Outsider {
    async fn start(database: &TestDatabase, data: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_outsider"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("PORT", "0")
            .env("HOST", "127.0.0.1")
            .env("POOL_API_KEY", "a-key-of-16-characters")
            .env("SERVICES_DATABASE_URL", database.url().as_secret().expose())
            .env("LOCAL_RUNTIME_COMMAND", RUNTIME)
            .env("LOCAL_DATA_DIR", data)
            .env("TEAM_TOKEN_SECRET", "known to the team")
            .current_dir(std::env::temp_dir())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = process.stdout.take().unwrap();
        let read = tokio::task::spawn_blocking(move || BufReader::new(stdout).lines().next());
        let line = read.await.unwrap().unwrap().unwrap();
        let url = line.strip_prefix("listening on ").unwrap().to_owned();
        let http = agent_pool_core::http::bare_builder().build().unwrap();
        Self { process, url, http }
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Value {
        let answer = request
            .bearer_auth("a-key-of-16-characters")
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{status}: {body}");
        body
    }

    async fn get(&self, path: &str) -> Value {
        self.answer(self.http.get(format!("{}{path}", self.url)))
            .await
    }
}

/// The base64 of 32 bytes.
const TOKEN_CHARS: usize = 43;
const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn it_lists_its_three_providers_and_equips_an_instance() {
    let database = fresh_database(MIGRATIONS, "outsider").await;
    let data = tempfile::tempdir().unwrap();
    let outsider = Outsider::start(&database, data.path()).await;

    let registry: RegistryReply = serde_json::from_value(outsider.get("/registry").await).unwrap();
    let tools = registry
        .tools
        .iter()
        .map(|tool| (tool.id.as_str(), tool.configured));
    assert!(tools.eq([("openrouter", false), ("team-token", true)]));
    let infra = registry
        .infra
        .iter()
        .map(|infra| (infra.id.as_str(), infra.selected));
    assert!(infra.eq([("local", true)]));

    let body = json!({ "instanceId": INSTANCE, "name": "one", "tools": ["team-token"] });
    let create = outsider
        .http
        .post(format!("{}/create-instance", outsider.url));
    let made = outsider.answer(create.json(&body)).await;
    assert_eq!(
        made["services"]["team-token"]["resourceId"],
        format!("ap-development-{INSTANCE}"),
        "{made}"
    );
    let given = async || token_below(data.path()).is_some_and(|token| token.len() == TOKEN_CHARS);
    eventually("the instance has its token", LIMIT, given).await;

    let destroy = outsider
        .http
        .delete(format!("{}/destroy/{INSTANCE}", outsider.url));
    let gone = outsider.answer(destroy).await;
    assert_eq!(gone["destroyed"]["team-token"], true, "{gone}");
}

/// What the instance wrote, wherever its folder is.
fn token_below(folder: &Path) -> Option<String> {
    let mut entries = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    entries.find_map(|path| match path.is_dir() {
        true => token_below(&path),
        false if path.ends_with("token") => std::fs::read_to_string(path).ok(),
        false => None,
    })
}
