use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::json;

use crate::fake::{Fake, Fault, KEY, Op};
use crate::world::{World, replica, settings};

#[tokio::test]
async fn a_claim_provisions_the_agent_and_returns_its_link() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    let body =
        json!({"agentName": "Tulip", "instructions": "Be kind.", "joinUrl": "https://chat/x"});
    let answer = world.claim(&body.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let expected = json!({"inviteUrl": "https://chat/x", "conversationId": format!("c-{id}"),
                          "instanceId": id, "joined": true});
    assert_eq!(answer.body, expected);
    {
        let state = world.fake.state();
        let instance = &state.instances[&id];
        assert_eq!(instance.provisioned, [body]);
        assert_eq!(instance.variables["AGENT_NAME"], "Tulip");
        assert_eq!(instance.variables["AGENT_INSTRUCTIONS"], "Be kind.");
        assert_eq!(instance.variables["AGENT_JOIN_URL"], "https://chat/x");
    }
    let row = "SELECT concat_ws('|', status, agent_name, instructions, conversation_id, invite_url,
               claimed_at IS NOT NULL) AS it FROM instances";
    let row = world.ask(row).await.unwrap();
    assert_eq!(
        row,
        format!("claimed|Tulip|Be kind.|c-{id}|https://chat/x|t")
    );
    world.fake.assert_nothing_unexpected();
}

#[tokio::test]
async fn a_claim_without_a_body_gets_a_name_and_instructions() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    assert_eq!(world.claim("").await.status, 200);
    let state = world.fake.state();
    let request = &state.instances[&id].provisioned[0];
    assert_eq!(request["agentName"], "Assistant");
    assert!(
        request["instructions"]
            .as_str()
            .unwrap()
            .contains("helpful")
    );
    assert!(request.get("joinUrl").is_none());
}

#[tokio::test]
async fn without_an_idle_instance_the_answer_says_when_to_come_back() {
    let world = World::new(&[]).await;
    let answer = world.claim("{}").await;
    answer.is_problem(503, "no_idle_instance");
    assert_eq!(answer.headers["retry-after"], "5");
}

fn each_was_claimed_once(world: &World) {
    let state = world.fake.state();
    let mut instances = state.instances.values();
    assert!(instances.all(|one| one.provisioned.len() == 1));
}

#[tokio::test]
async fn of_200_claims_at_once_on_50_instances_exactly_50_succeed_all_different() {
    let world = World::new(&[]).await;
    world.idle(50).await;
    let answers = join_all((0..200).map(|_| world.claim("{}"))).await;
    let won = answers.iter().filter(|answer| answer.status == 200);
    let won: Vec<_> = won
        .map(|answer| answer.body["instanceId"].to_string())
        .collect();
    assert_eq!(
        (won.len(), won.iter().collect::<BTreeSet<_>>().len()),
        (50, 50)
    );
    let lost = answers
        .iter()
        .filter(|answer| answer.code() == "no_idle_instance")
        .count();
    assert_eq!(lost, 150);
    each_was_claimed_once(&world);
}

#[tokio::test]
async fn two_replicas_never_claim_the_same_instance() {
    let world = World::new(&[]).await;
    world.idle(10).await;
    let url = replica(&settings(&world.database, &world.fake.url, &[])).await;
    let claims = (0..20).map(|n| {
        let base = if n % 2 == 0 { &world.url } else { &url };
        let request = world
            .http
            .post(format!("{base}/api/pool/claim"))
            .bearer_auth(KEY);
        crate::world::answer(request)
    });
    let answers = join_all(claims).await;
    let won = answers.iter().filter(|answer| answer.status == 200);
    assert_eq!(
        won.map(|a| a.body["instanceId"].to_string())
            .collect::<BTreeSet<_>>()
            .len(),
        10
    );
    each_was_claimed_once(&world);
}

#[tokio::test]
async fn services_down_leaves_the_instance_idle() {
    // Bound, but not listening: connections are refused, and nobody else gets the port.
    let closed = tokio::net::TcpSocket::new_v4().unwrap();
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let services = format!("http://{}", closed.local_addr().unwrap());
    let world = World::with(Fake::start().await, &services, &[]).await;
    let id = world.idle(1).await.remove(0);
    let answer = world.claim("{}").await;
    answer.is_problem(503, "services_unavailable");
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(world.status(&id).await.as_deref(), Some("idle"));
    assert_eq!(world.fake.state().instances[&id].provisioned.len(), 0);
}

#[tokio::test]
async fn a_failure_without_effect_leaves_the_instance_idle() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    world.fake.fail(Op::Configure, Fault::Before(401));
    let answer = world.claim("{}").await;
    answer.is_problem(502, "services_refused");
    assert_eq!(world.status(&id).await.as_deref(), Some("idle"));
    assert_eq!(
        world.claim("{}").await.status,
        200,
        "it can be claimed again"
    );
}

#[tokio::test]
async fn after_a_possible_effect_the_instance_is_destroyed_and_the_claim_moves_on() {
    for (op, fault) in [
        (Op::Health, Fault::Before(502)),
        (Op::Health, Fault::Garbled),
        (Op::Configure, Fault::Before(500)),
        (Op::Configure, Fault::After(500)),
        (Op::Configure, Fault::Garbled),
        (Op::Provision, Fault::Before(500)),
        (Op::Provision, Fault::After(500)),
        (Op::Provision, Fault::Before(503)),
        (Op::Provision, Fault::Garbled),
    ] {
        let world = World::new(&[]).await;
        let ids = world.idle(2).await;
        world.fake.fail(op, fault.clone());
        let answer = world.claim("{}").await;
        assert_eq!(answer.status, 200, "{op:?} {fault:?}: {}", answer.body);
        assert_eq!(
            answer.body["instanceId"],
            ids[1].to_string(),
            "{op:?} {fault:?}"
        );
        world.until(&ids[0], None).await;
        assert!(
            !world.fake.state().instances.contains_key(&ids[0]),
            "{op:?} {fault:?}"
        );
        world.fake.assert_nothing_unexpected();
    }
}

#[tokio::test]
async fn an_answer_without_a_conversation_is_a_failure() {
    for answer in [
        json!({"conversationId": null, "inviteUrl": "https://x", "joined": false}),
        json!({"conversationId": "c", "joined": false}),
    ] {
        let world = World::new(&[]).await;
        let id = world.idle(1).await.remove(0);
        world.fake.state().provision_answer = Some(answer);
        let answer = world.claim("{}").await;
        answer.is_problem(502, "claim_failed");
        world.until(&id, None).await;
    }
}

#[tokio::test]
async fn a_request_that_every_runtime_fails_on_does_not_cost_the_whole_pool() {
    let world = World::new(&[]).await;
    world.idle(5).await;
    for _ in 0..5 {
        world.fake.fail(Op::Provision, Fault::After(500));
    }
    assert_eq!(world.claim("{}").await.code(), "claim_failed");
    assert_eq!(world.count("idle").await, 2);
    let world = World::new(&[]).await;
    world.idle(5).await;
    world.fake.fail(Op::Provision, Fault::Before(400));
    let refused = world.claim("{}").await;
    refused.is_problem(422, "runtime_refused");
    let left = world.count("idle").await;
    assert_eq!(left, 5, "the one that was used is clean again");
}

#[tokio::test]
async fn a_claim_that_takes_too_long_ends_and_its_instance_is_destroyed() {
    // Long enough for the calls before the one that hangs.
    let world = World::new(&[("CLAIM_TIMEOUT_MS", "3000")]).await;
    let ids = world.idle(2).await;
    world.fake.fail(Op::Provision, Fault::Hang);
    let answer = world.claim("{}").await;
    answer.is_problem(504, "claim_timed_out");
    world.until(&ids[0], None).await;
    assert_eq!(world.status(&ids[1]).await.as_deref(), Some("idle"));
}

#[tokio::test]
async fn a_claim_comes_to_its_end_when_the_client_hangs_up() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    world.fake.fail(Op::Provision, Fault::Hang);
    {
        let claim = world.claim("{}");
        let mut claim = std::pin::pin!(claim);
        tokio::select! {
            _ = &mut claim => panic!("the runtime hangs"),
            () = world.asked(Op::Provision, 1) => {}
        }
    }
    world.fake.resume();
    world.until(&id, Some("claimed")).await;
}

#[tokio::test]
async fn an_instance_killed_in_mid_claim_is_destroyed_and_not_handed_out() {
    let world = World::new(&[]).await;
    let ids = world.idle(2).await;
    world.fake.fail(Op::Provision, Fault::Hang);
    let kill = async {
        world.asked(Op::Provision, 1).await;
        let path = format!("/api/pool/instances/{}", ids[0]);
        assert_eq!(world.send("DELETE", &path, "").await.status, 200);
        assert_eq!(world.status(&ids[0]).await.as_deref(), Some("destroying"));
        assert_eq!(world.fake.times(Op::Destroy), 0, "the claim still holds it");
        world.fake.resume();
    };
    let (answer, ()) = tokio::join!(world.claim("{}"), kill);
    assert_eq!(
        answer.body["instanceId"],
        ids[1].to_string(),
        "{}",
        answer.body
    );
    world.until(&ids[0], None).await;
}

#[tokio::test]
async fn a_stream_tells_each_step_and_then_the_result() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    let answer = world.send("POST", "/api/pool/claim/stream", "").await;
    assert_eq!(answer.headers["content-type"], "text/event-stream");
    let text = answer.body.as_str().unwrap().to_owned();
    let steps: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .collect();
    for (line, step) in steps
        .iter()
        .zip(["taken", "configured", "provisioned", "recorded"])
    {
        let expected = json!({"step": step, "instanceId": id});
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(line).unwrap(),
            expected
        );
    }
    assert_eq!(steps.len(), 5);
    assert!(
        text.contains("event:result") && steps[4].contains("inviteUrl"),
        "{text}"
    );
    let none = world.send("POST", "/api/pool/claim/stream", "{}").await;
    let text = none.body.as_str().unwrap();
    assert!(
        text.contains("event:error") && text.contains("no_idle_instance"),
        "{text}"
    );
}
