//! Promise 3: a secret is never logged, listed or shown, and encrypted at rest.

use std::io::Write;
use std::sync::{Arc, Mutex};

use agent_pool_core::ErrorKind;
use agent_pool_service_kit::testing::eventually;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{KEY, Service, When, creation, id};

const SOON: std::time::Duration = std::time::Duration::from_secs(20);

const ENCRYPTED: (&str, &str) = ("SERVICES_ENCRYPTION_KEY", OLD);
/// 32 bytes, in base64.
const OLD: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const NEW: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
/// Every sealed value in any table.
const SEALED: &str = "SELECT string_agg(value, ' ' ORDER BY value) FROM (
    SELECT runtime_key AS value FROM instance_infra WHERE runtime_key IS NOT NULL
    UNION ALL SELECT env_value FROM instance_services WHERE env_value IS NOT NULL
    UNION ALL SELECT more.value FROM instance_services, jsonb_each_text(more_env) AS more) AS every";

/// Number of rows, in all tables, that contain a secret in the clear.
const IN_THE_CLEAR: &str =
    "SELECT count(*) FROM instance_services AS one WHERE one::text LIKE '%hunter2%'";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn secrets_are_in_no_answer_no_log_and_no_row() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    // One thread runs this test and its whole service.
    let _guard = tracing::subscriber::set_default(subscriber);
    let service = Service::with(&[ENCRYPTED]).await;
    let secret = json!({ "variables": { "PASSWORD": "hunter2-claim" } });
    let mut answers = vec![
        service.create(&id(1), &["alpha", "beta"]).await,
        service.post(&format!("/configure/{}", id(1)), secret).await,
        service.post("/status/batch", json!({})).await,
        service.get("/registry").await,
        service.post("/sweep", json!({})).await,
        service.get("/metrics").await,
    ];
    service
        .world
        .fail("cellar configure", ErrorKind::Invalid, When::After);
    answers.push(service.create(&id(2), &["alpha"]).await);
    let local = async |tools: &[&str]| {
        let body = json!({ "tools": tools });
        service.post("/provision-local", body).await
    };
    local(&["alpha"]).await.ok(); // The one answer that has secrets.
    service
        .world
        .fail("beta provision", ErrorKind::Invalid, When::After);
    answers.push(local(&["alpha", "beta"]).await);
    assert_eq!(service.number(IN_THE_CLEAR).await, 0);
    assert_eq!(service.rows().await, (1, 2));
    answers.push(service.delete(&format!("/destroy/{}", id(1))).await);

    for answer in answers {
        let shown = format!("{answer:?}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("test-key"),
            "{shown}"
        );
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains(&id(1)), "it logs: {log}");
    for secret in ["hunter2", "test-key", "AQEBAQ", "postgres://"] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
}

#[tokio::test]
async fn without_a_key_secrets_are_kept_in_the_clear() {
    let service = Service::start().await;
    service.create(&id(1), &["alpha", "beta"]).await.ok();
    assert_eq!(service.number(IN_THE_CLEAR).await, 2);
}

#[tokio::test]
async fn a_secret_that_no_key_opens_stops_only_what_needs_it() {
    let service = Service::with(&[ENCRYPTED]).await;
    service.create(&id(1), &["alpha"]).await.ok();
    service
        .execute("UPDATE instance_infra SET started_at = NULL")
        .await;
    service
        .execute("UPDATE instance_services SET env_value = 'xc1.AAAA'")
        .await;
    let answer = service.create(&id(1), &["alpha"]).await;
    answer.is_problem(500, "secret_unreadable");
    assert!(answer.detail().contains("alpha/ALPHA_KEY"), "{answer:?}");
    assert!(service.world.is_empty(), "undone like any failure");
}

#[tokio::test]
async fn what_was_stored_before_a_key_or_under_an_older_one_is_sealed_again_at_start() {
    let service = Service::start().await;
    for number in [1, 2] {
        service.create(&id(number), &["alpha", "beta"]).await.ok();
        service.instances.set_ready(&id(number));
    }
    let mut before = service.text(SEALED).await;
    let values = before.split(' ').count();
    let rotating = format!("{NEW},{OLD}");
    for keys in [OLD, &rotating] {
        let url = service
            .replica_with(&[("SERVICES_ENCRYPTION_KEY", keys)])
            .await;
        eventually("all is sealed again", SOON, async || {
            let now = service.text(SEALED).await;
            let now: Vec<&str> = now.split(' ').collect();
            let sealed = |value: &&str| value.starts_with("xc1.") && !before.contains(*value);
            now.len() == values && now.iter().all(sealed)
        })
        .await;
        before = service.text(SEALED).await;
        assert!(healthy(&service, &url).await, "{keys}");
        assert_eq!(service.number(IN_THE_CLEAR).await, 0);
    }
    // The new key alone opens everything: a repeated creation reads the variables of all tools.
    let last = service
        .replica_with(&[("SERVICES_ENCRYPTION_KEY", NEW)])
        .await;
    assert!(healthy(&service, &last).await);
    service
        .execute("UPDATE instance_infra SET started_at = NULL")
        .await;
    let body = creation(&id(1), &["alpha", "beta"]).to_string();
    let request = service.client.post(format!("{last}/create-instance"));
    let again = request.bearer_auth(KEY).body(body).send().await.unwrap();
    assert_eq!(again.status(), 200);
}

/// Whether both instances are healthy to the replica at `url`.
async fn healthy(service: &Service, url: &str) -> bool {
    let request = service.client.post(format!("{url}/status/batch"));
    let answer = request.bearer_auth(KEY).send().await.unwrap();
    let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    [1, 2]
        .iter()
        .all(|number| body[id(*number)]["healthy"] == true)
}
