//! Claims whose agent a person has to accept into the conversation, and claims with the same link at the same time.

use agent_pool_core::InstanceId;
use agent_pool_service_kit::testing::eventually;
use serde_json::{Value, json};

use crate::fake::{Fault, KEY, Op};
use crate::world::{Answer, SOON, World, answer, replica, settings};

const CALLBACK: (&str, &str) = ("POOL_CALLBACK_URL", "https://pool.example/base");
const OWN_KEY: &str = "the-key-of-the-runtime";
const JOIN: &str = r#"{"agentName": "Tulip", "joinUrl": "https://chat/x"}"#;

impl World {
    /// A pool whose runtimes answer that a person must still accept the agent.
    async fn of_patience(more: &[(&str, &str)]) -> Self {
        let world = Self::new(more).await;
        world.fake.state().provision_answer = Some(json!({"status": "pending_acceptance",
            "conversationId": null, "inviteUrl": null, "joined": false}));
        world.idle(3).await;
        for instance in world.fake.state().instances.values_mut() {
            instance.key = OWN_KEY.to_owned();
        }
        world
            .sql(&format!("UPDATE instances SET runtime_key = '{OWN_KEY}'"))
            .await;
        world
    }

    async fn pends(&self, key: Option<&str>) -> (InstanceId, Answer) {
        let claim = answer(self.claim_at(&self.url, "", key, JOIN)).await;
        assert_eq!(claim.status, 202, "{}", claim.body);
        let id = claim.body["instanceId"].as_str().unwrap().parse().unwrap();
        (id, claim)
    }

    async fn call_back(&self, id: &InstanceId, key: &str, message: &Value) -> Answer {
        let url = format!("{}/api/pool/instances/{id}/acceptance", self.url);
        answer(self.http.post(url).bearer_auth(key).json(message)).await
    }

    async fn last_event(&self, id: &InstanceId, cause: &str) -> Value {
        let path = format!("/api/pool/events?instanceId={id}");
        let log = self.send("GET", &path, "").await.body;
        let found = log["events"].as_array().unwrap().iter();
        let mut found = found.filter(|event| event["cause"] == cause);
        found.next().cloned().unwrap_or(Value::Null)
    }
}

fn let_in() -> Value {
    json!({"conversationId": "c-1", "inviteUrl": "https://chat/x", "joined": true})
}

#[tokio::test]
async fn an_agent_that_waits_to_be_let_in_keeps_its_instance_and_is_claimed_once_it_is() {
    let world = World::of_patience(&[CALLBACK]).await;
    let (id, claim) = world.pends(Some("one")).await;
    let path = format!("/api/pool/instances/{id}");
    assert_eq!(claim.body["status"], "pending_acceptance");
    assert_eq!(claim.headers["location"], path.as_str());
    let asked = world.fake.state().instances[&id].provisioned[0].clone();
    let callback = format!("https://pool.example/base{path}/acceptance");
    assert_eq!(asked["callbackUrl"], callback.as_str());
    // A repeated claim, by its key or its link, gets the same answer and uses no instance.
    for key in [Some("one"), None] {
        assert_eq!(world.pends(key).await.1.body, claim.body);
    }
    let shown = world.send("GET", &path, "").await.body;
    assert_eq!(shown["status"], "claiming");
    assert_eq!(shown["acceptBy"], claim.body["acceptBy"]);

    assert_eq!(world.call_back(&id, OWN_KEY, &let_in()).await.status, 200);
    let shown = world.send("GET", &path, "").await.body;
    assert_eq!(
        (&shown["status"], &shown["agentName"]),
        (&json!("claimed"), &json!("Tulip"))
    );
    assert_eq!(shown["acceptBy"], Value::Null);
    for key in [Some("one"), None] {
        let again = answer(world.claim_at(&world.url, "", key, JOIN)).await;
        assert_eq!(
            (again.status, &again.body["inviteUrl"]),
            (200, &json!("https://chat/x"))
        );
        assert_eq!(again.body["instanceId"], json!(id));
    }
    assert_eq!(world.count("idle").await, 2);
    let who = &world.last_event(&id, "provisioned").await["principal"];
    assert_eq!(*who, format!("instance-{id}").as_str());

    assert_eq!(
        world.call_back(&id, OWN_KEY, &let_in()).await.status,
        200,
        "reported twice"
    );
    let mut other = let_in();
    other["conversationId"] = "c-2".into();
    let late = world.call_back(&id, OWN_KEY, &other).await;
    late.is_problem(409, "not_pending");
}

#[tokio::test]
async fn only_the_key_of_the_instance_ends_its_waiting() {
    let world = World::of_patience(&[CALLBACK]).await;
    let (id, _) = world.pends(None).await;
    let nobody = InstanceId::generate();
    for (id, key) in [
        (&id, KEY),
        (&id, "wrong-key-0123456789"),
        (&nobody, OWN_KEY),
    ] {
        let refused = world.call_back(id, key, &let_in()).await;
        refused.is_problem(401, "unauthorized");
    }
    let mut hostile = let_in();
    hostile["inviteUrl"] = "javascript:alert(1)".into();
    let refused = world.call_back(&id, OWN_KEY, &hostile).await;
    refused.is_problem(400, "invalid_field");
    let large = json!({"detail": "x".repeat(20_000)});
    assert_eq!(world.call_back(&id, OWN_KEY, &large).await.status, 413);
    assert_eq!(world.status(&id).await.as_deref(), Some("claiming"));
    for _ in 0..10 {
        world
            .call_back(&nobody, "wrong-key-0123456789", &let_in())
            .await;
    }
    let guessing = world.call_back(&id, OWN_KEY, &let_in()).await;
    guessing.is_problem(429, "too_many_wrong_keys");
}

#[tokio::test]
async fn a_refused_agent_is_destroyed_with_its_instance() {
    let world = World::of_patience(&[CALLBACK]).await;
    let (refused, _) = world.pends(Some("one")).await;
    let no = json!({"code": "join_failed", "detail": "they said no"});
    assert_eq!(world.call_back(&refused, OWN_KEY, &no).await.status, 200);
    world.until(&refused, None).await;
    assert_eq!(
        world.last_event(&refused, "not_accepted").await["to"],
        "destroying"
    );
    let claim = answer(world.claim_at(&world.url, "", Some("one"), JOIN)).await;
    claim.is_problem(422, "join_failed");

    let (late, _) = world.pends(None).await;
    assert_ne!(late, refused, "the link may be tried again");
    world
        .sql("UPDATE instances SET lease_expires_at = now() WHERE status = 'claiming'")
        .await;
    let message = world.call_back(&late, OWN_KEY, &let_in()).await;
    message.is_problem(409, "not_pending");
    world.tick().await;
    world.until(&late, None).await;
    assert_eq!(
        world.last_event(&late, "not_accepted").await["to"],
        "destroying"
    );

    let (killed, _) = world.pends(None).await;
    let path = format!("/api/pool/instances/{killed}");
    assert_eq!(world.send("DELETE", &path, "").await.status, 200);
    world.until(&killed, None).await;
}

#[tokio::test]
async fn a_pool_that_cannot_be_called_back_does_not_wait_and_uses_up_one_instance() {
    let world = World::of_patience(&[]).await;
    let claim = world.claim(JOIN).await;
    claim.is_problem(422, "runtime_refused");
    assert!(
        claim.body["detail"]
            .as_str()
            .unwrap()
            .contains("POOL_CALLBACK_URL")
    );
    assert_eq!(world.count("idle").await, 2);
}

#[tokio::test]
async fn claims_of_one_link_at_the_same_moment_get_one_agent() {
    let world = World::new(&[]).await;
    let other = replica(&settings(&world.database, &world.fake.url, &[])).await;
    world.idle(4).await;
    world.fake.fail(Op::Provision, Fault::Hang);
    let claims = [&world.url, &other, &other]
        .map(|base| tokio::spawn(answer(world.claim_at(base, "", None, JOIN))));
    eventually("one of them provisions", SOON, async || {
        world.fake.times(Op::Provision) > 0
    })
    .await;
    world.fake.resume();
    let mut bodies = Vec::new();
    for claim in claims {
        let claim = claim.await.unwrap();
        assert_eq!(claim.status, 200, "{}", claim.body);
        bodies.push(claim.body);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    assert_eq!(world.fake.times(Op::Provision), 1);
    assert_eq!(world.count("idle").await, 3);
}
