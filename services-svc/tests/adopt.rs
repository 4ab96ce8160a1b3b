//! Tests of `services-svc adopt` with the real binary: the databases of the Node.js original in both shapes, and
//! vendors that have its resources under its names.
#![cfg(test)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use agent_pool_service_kit::testing::TestDatabase;
use agent_pool_service_kit::testing::original::{NEWER, OLDER_SERVICES, original_database};
use fake_cloud::{FakeCloud, Options, OriginalResources, OriginalShape, Pace};
use reqwest::Method;
use serde_json::{Value, json};

const KEY: &str = "a-key-of-16-characters";
const ID: &str = "k3v9x0a1b2c3";
const TOKEN: &str = "token-of-the-original";

/// The vendors with one instance of the original.
struct World {
    cloud: FakeCloud,
    client: reqwest::Client,
    made: OriginalResources,
}

impl World {
    async fn new(shape: OriginalShape) -> Self {
        let mut options = Options::default();
        options.railway.stage_pace = Pace::AT_ONCE;
        let cloud = FakeCloud::start(options).await.unwrap();
        // The runtimes of older versions know the operators' key only.
        let made = cloud.make_original(ID, shape, KEY).await.unwrap();
        let client = agent_pool_core::http::bare_builder()
            .no_proxy()
            .build()
            .unwrap();
        Self {
            cloud,
            client,
            made,
        }
    }

    async fn send(&self, method: Method, url: &str, body: Value) -> Value {
        let request = self.client.request(method, url).bearer_auth(KEY);
        let response = request.json(&body).send().await.unwrap();
        let status = response.status();
        let answer: Value = response.json().await.unwrap();
        assert!(status.is_success(), "{url}: {status} {answer}");
        answer
    }

    /// The rows of the original for this instance, with a tool that this build does not have.
    fn rows(&self, shape: OriginalShape) -> String {
        let OriginalResources {
            project,
            environment,
            service,
            url,
            key_hash,
            inbox,
        } = &self.made;
        let infra = match shape {
            OriginalShape::OneProject => format!(
                "INSERT INTO instance_infra (instance_id, provider_service_id, provider_env_id, url, deploy_status)
                 VALUES ('{ID}', '{service}', '{environment}', '{url}', 'SUCCESS')"
            ),
            OriginalShape::ProjectEach => format!(
                "INSERT INTO instances (id, name, status) VALUES ('{ID}', 'convos-agent-{ID}', 'claimed');
                 INSERT INTO instance_infra (instance_id, provider_service_id, provider_env_id, provider_project_id, url,
                     gateway_token)
                 VALUES ('{ID}', '{service}', '{environment}', '{project}', '{url}', '{TOKEN}')"
            ),
        };
        format!(
            "{infra};
             INSERT INTO instance_services (instance_id, tool_id, resource_id, env_key, env_value)
             VALUES ('{ID}', 'openrouter', '{key_hash}', 'OPENROUTER_API_KEY', 'hush'),
                    ('{ID}', 'agentmail', '{inbox}', 'AGENTMAIL_INBOX_ID', NULL),
                    ('{ID}', 'stripe', 'card-1', 'STRIPE_CARD', 'hush')"
        )
    }

    fn settings(
        &self,
        shape: OriginalShape,
        database: &TestDatabase,
    ) -> Vec<(&'static str, String)> {
        let options = self.cloud.options();
        let mut settings = vec![
            ("PORT", "0".to_owned()),
            ("POOL_API_KEY", KEY.to_owned()),
            ("SERVICES_DATABASE_URL", address(database)),
            (
                "SERVICES_ENCRYPTION_KEY",
                "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=".to_owned(),
            ),
            ("SWEEP_GRACE_MS", "0".to_owned()),
            ("STATUS_LIST_MAX_AGE_MS", "0".to_owned()),
            ("RAILWAY_API_URL", self.cloud.railway_url()),
            (
                "RAILWAY_API_TOKEN",
                options.railway.tokens.workspace.clone(),
            ),
            ("RAILWAY_RUNTIME_IMAGE", "agent:2".to_owned()),
            ("RAILWAY_SETTLE_MS", "0".to_owned()),
            ("OPENROUTER_API_URL", self.cloud.openrouter_url()),
            (
                "OPENROUTER_MANAGEMENT_KEY",
                options.openrouter.management_keys[0].clone(),
            ),
            ("AGENTMAIL_API_URL", self.cloud.agentmail_url()),
            ("AGENTMAIL_API_KEY", options.agentmail.api_keys[0].clone()),
        ];
        match shape {
            OriginalShape::OneProject => settings.extend([
                ("RAILWAY_PROJECT_ID", self.cloud.railway_project_id()),
                (
                    "RAILWAY_ENVIRONMENT_ID",
                    self.cloud.railway_environment_id(),
                ),
            ]),
            OriginalShape::ProjectEach => {
                settings.push(("RAILWAY_WORKSPACE_ID", self.cloud.railway_workspace_id()));
            }
        }
        settings
    }

    /// Status, sweep and destruction of the adopted instance, by the service at `url`.
    async fn assert_looked_after(&self, url: &str) {
        let post =
            async |path: &str, body| self.send(Method::POST, &format!("{url}{path}"), body).await;
        let batch = post("/status/batch", json!({})).await;
        let report = &batch[ID];
        assert_eq!(report["healthy"], true, "{batch}");
        assert!(report["status"].is_null(), "no listing has it: {batch}");
        for _ in 0..2 {
            let sweep = post("/sweep", json!({"destroy": true, "repair": true})).await;
            assert_eq!(sweep["orphans"], json!([]), "{sweep}");
            assert_eq!(sweep["missing"], json!([]), "{sweep}");
            assert_eq!(sweep["failures"], json!({}), "{sweep}");
        }
        let held = self.cloud.state();
        assert_eq!(
            (held.openrouter.keys.len(), held.agentmail.inboxes.len()),
            (1, 1)
        );
        let variables = json!({"variables": {"AGENT_NAME": "Iris"}});
        post(&format!("/configure/{ID}"), variables).await;

        let destroy = format!("{url}/destroy/{ID}");
        let answer = self.send(Method::DELETE, &destroy, json!({})).await;
        assert_eq!(answer["destroyed"]["service"], true, "{answer}");
        let held = self.cloud.state();
        assert!(held.openrouter.keys.is_empty() && held.agentmail.inboxes.is_empty());
        let mut projects = held.railway.projects.iter();
        assert!(projects.all(|project| project.id == self.cloud.railway_project_id()));
        assert!(
            held.railway.services.is_empty(),
            "{:?}",
            held.railway.services
        );
        assert!(self.cloud.unexpected().is_empty());
    }
}

fn address(database: &TestDatabase) -> String {
    database.url().as_secret().expose().to_owned()
}

fn binary(settings: &[(&'static str, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_services-svc"));
    command
        .env_clear()
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null());
    command
}

/// Runs the binary to its end. Returns whether it succeeded, and its output.
async fn run(settings: &[(&'static str, String)], arguments: &[&str]) -> (bool, String) {
    let mut command = binary(settings);
    command.args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    (output.status.success(), said)
}

/// Kills the process at the end of the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn start(settings: &[(&'static str, String)]) -> (Running, String) {
    let mut command = binary(settings);
    let mut running = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let stdout = running.0.stdout.take().unwrap();
    let read = tokio::task::spawn_blocking(move || BufReader::new(stdout).lines().next());
    let line = read.await.unwrap().unwrap().unwrap();
    let url = line.strip_prefix("listening on ").unwrap();
    (running, url.to_owned())
}

#[tokio::test]
async fn a_database_of_services_becomes_ours_and_its_resources_are_looked_after() {
    let shape = OriginalShape::OneProject;
    let world = World::new(shape).await;
    let database = original_database(OLDER_SERVICES, &world.rows(shape)).await;
    let settings = world.settings(shape, &database);
    let (started, said) = run(&settings, &[]).await;
    assert!(
        !started && said.contains("`services-svc adopt` shows"),
        "{said}"
    );
    let (done, said) = run(&settings, &["adopt"]).await;
    for line in [
        "  instance_infra: 1 rows",
        "  1 instances on railway",
        "  1 resources of agentmail",
        "  1 resources of openrouter",
        "instance_services stripe of k3v9x0a1b2c3: this build has no tool stripe",
        "Nothing is changed.",
    ] {
        assert!(done && said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains("hush"), "{said}");
    let (done, said) = run(&settings, &["adopt", "--apply"]).await;
    assert!(done && said.contains("Done."), "{said}");
    let (done, said) = run(&settings, &["adopt", "--apply"]).await;
    assert!(done && said.contains("Adopted already"), "{said}");
    let (_running, url) = start(&settings).await;
    world.assert_looked_after(&url).await;
}

#[tokio::test]
async fn from_the_one_database_of_newer_versions_services_copies_its_part() {
    let shape = OriginalShape::ProjectEach;
    let world = World::new(shape).await;
    let original = original_database(NEWER, &world.rows(shape)).await;
    let (done, said) = run(&world.settings(shape, &original), &["adopt"]).await;
    assert!(
        !done && said.contains("needs a database of its own"),
        "{said}"
    );
    let database = original_database("", "").await;
    let mut settings = world.settings(shape, &database);
    let (done, said) = run(&settings, &["adopt"]).await;
    assert!(
        !done && said.contains("set ORIGINAL_DATABASE_URL"),
        "{said}"
    );

    let mut same = world.settings(shape, &original);
    // The same database under another spelling.
    let spelling = address(&original) + "?application_name=adopt";
    same.push(("ORIGINAL_DATABASE_URL", spelling));
    let (done, said) = run(&same, &["adopt", "--apply"]).await;
    assert!(!done && said.contains("the same database"), "{said}");

    settings.push(("ORIGINAL_DATABASE_URL", address(&original)));
    let (started, said) = run(&settings, &[]).await;
    assert!(!started && said.contains("not adopted"), "{said}");
    let (done, said) = run(&settings, &["adopt", "--apply"]).await;
    assert!(
        done && said.contains("They remain unchanged") && said.contains("Done."),
        "{said}"
    );
    let (_running, url) = start(&settings).await;
    world.assert_looked_after(&url).await;
}
