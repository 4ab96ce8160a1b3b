//! Webhooks to a real HTTP receiver, which verifies signatures.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use agent_pool_service_kit::testing::eventually;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use warp::Filter;
use warp::http::{HeaderMap, StatusCode};

use crate::dashboard::Person;
use crate::process;
use crate::world::{SOON, World};

/// How the receiver answers a message.
#[derive(Debug, Clone, Copy)]
enum Behaviour {
    Status(u16),
    Hang,
}

#[derive(Debug, Clone)]
struct Message {
    id: String,
    timestamp: String,
    signature: String,
    body: String,
}

impl Message {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Verifies the signature as the specification requires.
    fn verify(&self, secret: &Value) {
        let key = secret.as_str().unwrap().strip_prefix("whsec_").unwrap();
        let key = STANDARD.decode(key).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.{}", self.id, self.timestamp, self.body).as_bytes());
        let signature = self.signature.strip_prefix("v1,").unwrap();
        mac.verify_slice(&STANDARD.decode(signature).unwrap())
            .unwrap();
    }
}

/// Receives messages, and answers 204 unless another behaviour is set.
#[derive(Debug, Clone)]
struct Receiver {
    url: String,
    messages: Arc<Mutex<Vec<Message>>>,
    next: Arc<Mutex<VecDeque<Behaviour>>>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            url: format!(
                "http://{}/hook?token=hunter2",
                listener.local_addr().unwrap()
            ),
            messages: Arc::default(),
            next: Arc::default(),
        };
        let it = receiver.clone();
        let route = warp::post()
            .and(warp::header::headers_cloned())
            .and(warp::body::bytes())
            .then(move |headers: HeaderMap, body: warp::hyper::body::Bytes| {
                it.clone().take(headers, body)
            });
        tokio::spawn(warp::serve(route).incoming(listener).run());
        receiver
    }

    async fn take(self, headers: HeaderMap, body: warp::hyper::body::Bytes) -> StatusCode {
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        let message = Message {
            id: text("webhook-id"),
            timestamp: text("webhook-timestamp"),
            signature: text("webhook-signature"),
            body: String::from_utf8(body.to_vec()).unwrap(),
        };
        self.messages.lock().unwrap().push(message);
        let next = self.next.lock().unwrap().pop_front();
        match next {
            None => StatusCode::NO_CONTENT,
            Some(Behaviour::Status(status)) => StatusCode::from_u16(status).unwrap(),
            Some(Behaviour::Hang) => std::future::pending().await,
        }
    }

    fn then(&self, behaviour: Behaviour) {
        self.next.lock().unwrap().push_back(behaviour);
    }

    fn messages(&self) -> Vec<Message> {
        self.messages.lock().unwrap().clone()
    }

    async fn until(&self, count: usize) -> Vec<Message> {
        eventually(&format!("{count} messages arrive"), SOON, async || {
            self.messages().len() >= count
        })
        .await;
        self.messages()
    }
}

const PRIVATE: (&str, &str) = ("POOL_WEBHOOK_PRIVATE_TARGETS", "true");

async fn add(world: &World, receiver: &Receiver, events: &[&str]) -> Value {
    let body = json!({ "url": receiver.url, "events": events });
    let added = world
        .send("POST", "/api/pool/webhooks", &body.to_string())
        .await;
    assert_eq!(added.status, 200, "{}", added.body);
    added.body
}

async fn log(world: &World) -> Vec<Value> {
    let log = world.send("GET", "/api/pool/webhook-deliveries", "").await;
    log.body["deliveries"].as_array().unwrap().clone()
}

/// Lets the pause before the next attempt pass.
async fn skip_pause(world: &World) {
    world
        .sql("UPDATE webhook_deliveries SET due_at = now() WHERE due_at IS NOT NULL")
        .await;
}

async fn attempts(world: &World, count: u32) {
    eventually("the attempt is recorded", SOON, async || {
        let log = log(world).await;
        log.first().is_some_and(|it| {
            it["attempts"] == count && (it["status"].is_u64() || it["error"].is_string())
        })
    })
    .await;
}

#[tokio::test]
async fn a_claim_and_a_crash_are_sent_signed_to_those_who_want_them() {
    let world = World::new(&[PRIVATE]).await;
    let (all, crashes) = (Receiver::start().await, Receiver::start().await);
    let secret = add(&world, &all, &[]).await["secret"].clone();
    add(&world, &crashes, &["instance.crashed"]).await;
    world.replica.pool.keep_delivering();
    let id = world.idle(1).await.remove(0);
    assert_eq!(world.claim("{}").await.status, 200);
    let claimed = all.until(1).await.remove(0);
    claimed.verify(&secret);
    let body = claimed.json();
    assert_eq!(body["type"], "instance.claimed");
    assert_eq!(body["data"]["instanceId"], id.to_string());
    if let Some(instance) = world.fake.state().instances.get_mut(&id) {
        instance.healthy = false;
        "CRASHED".clone_into(&mut instance.deploy);
    }
    world.tick().await;
    let crashed = crashes.until(1).await.remove(0).json();
    assert_eq!(
        (&crashed["type"], &crashed["data"]["instanceId"]),
        (&"instance.crashed".into(), &id.to_string().into())
    );
    all.until(2).await;
    assert_eq!(crashes.messages().len(), 1, "it wants crashes only");
}

#[tokio::test]
async fn a_message_that_fails_is_sent_again_with_the_same_id_and_then_resent_on_request() {
    let world = World::new(&[PRIVATE]).await;
    let receiver = Receiver::start().await;
    let secret = add(&world, &receiver, &[]).await["secret"].clone();
    receiver.then(Behaviour::Status(500));
    receiver.then(Behaviour::Status(302));
    world.replica.pool.keep_delivering();
    world.idle(1).await;
    world.claim("{}").await;
    attempts(&world, 1).await;
    let failed = log(&world).await.remove(0);
    assert_eq!(
        (&failed["status"], &failed["attempts"]),
        (&500.into(), &1.into())
    );
    assert!(failed["nextAttemptAt"].is_string(), "{failed}");
    skip_pause(&world).await;
    // Redirects are not followed.
    eventually("the redirect is recorded", SOON, async || {
        log(&world).await[0]["status"] == 302
    })
    .await;
    skip_pause(&world).await;
    let messages = receiver.until(3).await;
    for message in &messages {
        message.verify(&secret);
        assert_eq!(
            (&message.id, &message.body),
            (&messages[0].id, &messages[0].body)
        );
    }
    eventually("it is delivered", SOON, async || {
        log(&world).await[0]["deliveredAt"].is_string()
    })
    .await;
    let delivery = log(&world).await[0]["id"].clone();
    let resent = world
        .send(
            "POST",
            &format!("/api/pool/webhook-deliveries/{delivery}/resend"),
            "",
        )
        .await;
    assert_eq!(resent.body, json!({ "queued": 1 }));
    assert_eq!(receiver.until(4).await[3].id, messages[0].id);
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_up_no_other_and_gets_its_message_again() {
    let world = World::new(&[PRIVATE, ("POOL_WEBHOOK_TIMEOUT_MS", "2000")]).await;
    let (slow, fast) = (Receiver::start().await, Receiver::start().await);
    add(&world, &slow, &[]).await;
    slow.then(Behaviour::Hang);
    add(&world, &fast, &[]).await;
    world.replica.pool.keep_delivering();
    world.idle(1).await;
    world.claim("{}").await;
    fast.until(1).await;
    slow.until(1).await;
    eventually("the failure is recorded", SOON, async || {
        log(&world).await.iter().any(|it| it["error"].is_string())
    })
    .await;
    skip_pause(&world).await;
    slow.until(2).await;
    eventually("both are delivered", SOON, async || {
        log(&world)
            .await
            .iter()
            .all(|it| it["deliveredAt"].is_string())
    })
    .await;
}

#[tokio::test]
async fn a_message_survives_the_kill_of_the_process_that_sends_it() {
    let world = World::new(&[PRIVATE]).await;
    let receiver = Receiver::start().await;
    let secret = add(&world, &receiver, &["instance.claimed"]).await["secret"].clone();
    receiver.then(Behaviour::Hang);
    let (mut child, _) = process::start(&world, &[PRIVATE]).await;
    world.idle(1).await;
    world.claim("{}").await;
    let first = receiver.until(1).await.remove(0);
    child.kill().await.unwrap();
    let (_second, _) = process::start(&world, &[PRIVATE]).await;
    // The lease of the process that died.
    skip_pause(&world).await;
    let again = receiver.until(2).await.remove(1);
    again.verify(&secret);
    assert_eq!((&again.id, &again.body), (&first.id, &first.body));
}

#[tokio::test]
async fn an_endpoint_that_answers_410_is_disabled() {
    let world = World::new(&[PRIVATE]).await;
    let receiver = Receiver::start().await;
    add(&world, &receiver, &[]).await;
    receiver.then(Behaviour::Status(410));
    world.replica.pool.keep_delivering();
    world.idle(2).await;
    world.claim("{}").await;
    eventually("it is disabled", SOON, async || {
        let listed = world.send("GET", "/api/pool/webhooks", "").await;
        listed.body["endpoints"][0]["disabledAt"].is_string()
    })
    .await;
    world.claim("{}").await;
    assert_eq!(log(&world).await.len(), 1, "no message is written for it");
}

#[tokio::test]
async fn an_empty_pool_is_reported_once_until_one_is_idle_again() {
    let world = World::new(&[PRIVATE, ("POOL_MIN_IDLE", "1")]).await;
    let receiver = Receiver::start().await;
    add(&world, &receiver, &["pool.empty"]).await;
    world.replica.pool.keep_delivering();
    let body = receiver.until(1).await.remove(0).json();
    assert_eq!(
        (&body["type"], &body["data"]["wanted"]),
        (&"pool.empty".into(), &1.into())
    );
    let id = world.idle(1).await.remove(0);
    eventually("it is noted that one is idle", SOON, async || {
        world
            .ask("SELECT name AS it FROM webhook_conditions")
            .await
            .is_none()
    })
    .await;
    world
        .sql(&format!("DELETE FROM instances WHERE id = '{id}'"))
        .await;
    receiver.until(2).await;
    assert_eq!(receiver.messages().len(), 2);
}

#[tokio::test]
async fn a_pool_that_is_paused_is_reported_once() {
    let world = World::new(&[PRIVATE]).await;
    let receiver = Receiver::start().await;
    add(&world, &receiver, &["pool.paused", "webhook.test"]).await;
    for policy in [
        r#"{"paused": true}"#,
        r#"{"paused": true, "minIdle": 1}"#,
        r#"{"paused": false}"#,
        r#"{"paused": true}"#,
    ] {
        let patched = world.send("PATCH", "/api/pool/settings", policy).await;
        assert_eq!(patched.status, 200, "{}", patched.body);
    }
    world.replica.pool.keep_delivering();
    let messages = receiver.until(2).await;
    let body = messages[0].json();
    assert_eq!(
        (&body["type"], &body["data"]["pool"]),
        (&"pool.paused".into(), &"default".into())
    );
    assert_eq!(log(&world).await.len(), 2, "once for each time");
}

#[tokio::test]
async fn urls_and_secrets_are_sealed_and_never_shown_again() {
    let key = STANDARD.encode([7; 32]);
    let world = World::new(&[PRIVATE, ("POOL_ENCRYPTION_KEY", &key)]).await;
    let receiver = Receiver::start().await;
    let added = add(&world, &receiver, &[]).await;
    let secret = added["secret"].as_str().unwrap();
    let stored = world
        .ask("SELECT url || secret AS it FROM webhook_endpoints")
        .await
        .unwrap();
    assert!(
        stored.contains("xc1.") && !stored.contains("hunter2"),
        "{stored}"
    );
    let listed = world
        .send("GET", "/api/pool/webhooks", "")
        .await
        .body
        .to_string();
    let page = Person::operator(&world).await.get("/webhooks").await.html;
    for shown in [listed, page] {
        assert!(
            !shown.contains("hunter2") && !shown.contains(secret),
            "{shown}"
        );
    }
    world.replica.pool.keep_delivering();
    let id = added["id"].as_str().unwrap();
    assert_eq!(
        world
            .send("POST", &format!("/api/pool/webhooks/{id}/test"), "")
            .await
            .status,
        200
    );
    let message = receiver.until(1).await.remove(0);
    message.verify(&added["secret"]);
    assert_eq!(message.json()["type"], "webhook.test");
}

#[tokio::test]
async fn private_targets_and_malformed_requests_are_refused() {
    let world = World::new(&[]).await;
    for (body, field) in [
        (r#"{"url": "https://127.0.0.1/"}"#, "url"),
        (r#"{"url": "http://example.com/"}"#, "url"),
        (
            r#"{"url": "https://example.com/", "secret": "hunter2"}"#,
            "secret",
        ),
        (
            r#"{"url": "https://example.com/", "events": ["nosuch"]}"#,
            "events[0]",
        ),
    ] {
        let refused = world.send("POST", "/api/pool/webhooks", body).await;
        assert_eq!(
            (refused.status, &refused.body["field"]),
            (400, &field.into()),
            "{}",
            refused.body
        );
    }
    for path in [
        "/api/pool/webhooks/ep_x/test",
        "/api/pool/webhook-deliveries/7/resend",
    ] {
        let refused = world.send("POST", path, "").await;
        refused.is_problem(404, "unknown_webhook");
    }
    // An endpoint that was added while private targets were allowed is checked again at connection time.
    let receiver = Receiver::start().await;
    world
        .sql(&format!(
            "INSERT INTO webhook_endpoints (id, url, secret, events)
             VALUES ('ep_1', '{}', 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3', '{{}}')",
            receiver
                .url
                .replace("http://127.0.0.1", "https://localhost")
        ))
        .await;
    world.replica.pool.keep_delivering();
    world.send("POST", "/api/pool/webhooks/ep_1/test", "").await;
    attempts(&world, 1).await;
    let error = log(&world).await[0]["error"].to_string();
    assert!(error.contains("not a public address"), "{error}");
    assert_eq!(receiver.messages().len(), 0);
}

#[tokio::test]
async fn the_page_adds_tests_resends_and_removes() {
    let world = World::new(&[PRIVATE]).await;
    let receiver = Receiver::start().await;
    world.replica.pool.keep_delivering();
    let person = Person::operator(&world).await;
    let refused = person
        .post("/webhooks", &[("url", "nonsense"), ("events", "")])
        .await;
    assert_eq!(refused.status, 400);
    let added = person
        .post(
            "/webhooks",
            &[
                ("url", &receiver.url),
                ("events", "instance.crashed, pool.empty"),
            ],
        )
        .await;
    assert!(added.status == 200 && added.has("whsec_"), "{}", added.html);
    let id = world
        .ask("SELECT id AS it FROM webhook_endpoints")
        .await
        .unwrap();
    assert_eq!(
        person
            .post(&format!("/webhooks/{id}/test"), &[])
            .await
            .status,
        303
    );
    receiver.until(1).await;
    eventually("the page shows it", SOON, async || {
        person.get("/webhooks").await.has("delivered")
    })
    .await;
    let delivery = log(&world).await[0]["id"].clone();
    assert_eq!(
        person
            .post(&format!("/webhooks/{delivery}/resend"), &[])
            .await
            .status,
        303
    );
    receiver.until(2).await;
    assert_eq!(
        person
            .post(&format!("/webhooks/{id}/remove"), &[])
            .await
            .status,
        303
    );
    assert!(person.get("/webhooks").await.has("No webhooks."));
    assert_eq!(
        person
            .post(&format!("/webhooks/{id}/remove"), &[])
            .await
            .status,
        404
    );
}
