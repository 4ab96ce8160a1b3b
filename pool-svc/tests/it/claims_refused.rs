//! Claims that fail because of their request, or because of the answer of a runtime.

use serde_json::{Value, json};

use crate::fake::{Fault, Op};
use crate::world::World;

const DEAD_LINK: &str = r#"{"joinUrl": "https://chat/dead"}"#;

#[tokio::test]
async fn a_dead_link_costs_no_instance_and_is_not_tried_again() {
    let world = World::new(&[]).await;
    let ids = world.idle(3).await;
    world.fake.fail(Op::Provision, Fault::Before(500));
    let failed = world.claim(DEAD_LINK).await;
    failed.is_problem(422, "join_failed");
    assert_eq!(failed.body["field"], "joinUrl");
    assert_eq!(world.count("idle").await, 3);
    {
        let state = world.fake.state();
        let used = &state.instances[&ids[0]];
        assert_eq!((used.resets, used.provisioned.len()), (1, 0));
        for variable in ["AGENT_NAME", "AGENT_INSTRUCTIONS", "AGENT_JOIN_URL"] {
            assert_eq!(used.variables[variable], "", "{variable}");
        }
    }
    let asked = world.fake.times(Op::Provision);
    let again = r#"{"joinUrl": "https://chat/dead", "agentName": "Another"}"#;
    let again = world.claim(again).await;
    again.is_problem(422, "join_failed");
    assert!(again.headers.contains_key("retry-after"));
    assert_eq!(
        world.fake.times(Op::Provision),
        asked,
        "no instance was tried"
    );
    assert_eq!(world.claim("{}").await.status, 200, "others are served");
    world.fake.assert_nothing_unexpected();
}

#[tokio::test]
async fn an_instance_that_cannot_be_made_clean_is_destroyed_and_no_other_is_used_up() {
    for fault in [Fault::Before(404), Fault::Before(500)] {
        let world = World::new(&[]).await;
        let ids = world.idle(3).await;
        world
            .fake
            .fail(Op::Provision, Fault::Refuse(500, "join_failed"));
        world.fake.fail(Op::Reset, fault.clone());
        let failed = world.claim(DEAD_LINK).await;
        failed.is_problem(422, "join_failed");
        world.until(&ids[0], None).await;
        assert_eq!(world.count("idle").await, 2, "{fault:?}");
    }
}

#[tokio::test]
async fn the_same_link_within_a_day_leads_to_the_same_agent() {
    let world = World::new(&[]).await;
    world.idle(3).await;
    let link = r#"{"joinUrl": "https://chat/x"}"#;
    let first = world.claim(link).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let second = world
        .claim(r#"{"joinUrl": "https://chat/x", "agentName": "Other"}"#)
        .await;
    assert_eq!(second.body, first.body);
    assert_eq!(world.count("idle").await, 2);
    world
        .sql("UPDATE instances SET claimed_at = now() - interval '25 hours' WHERE status = 'claimed'")
        .await;
    let third = world.claim(link).await;
    assert_ne!(third.body["instanceId"], first.body["instanceId"]);
}

#[tokio::test]
async fn a_runtimes_answer_that_does_not_fit_is_the_fault_of_the_instance() {
    let long = format!("https://h/{}", "x".repeat(30_000));
    for (invite, id) in [
        (json!("javascript:alert(1)"), json!("c")),
        (json!("https://h/\u{1b}[2J"), json!("c")),
        (json!("https://h/\0"), json!("c")),
        (json!("https://h/\u{202e}"), json!("c")),
        (json!(long), json!("c")),
        (json!("https://h/x"), json!("c".repeat(30_000))),
        (json!("https://h/x"), json!("c\0")),
    ] {
        let world = World::new(&[]).await;
        let ids = world.idle(1).await;
        let answer = json!({"inviteUrl": invite, "conversationId": id, "joined": false});
        world.fake.state().provision_answer = Some(answer);
        let failed = world.claim("{}").await;
        failed.is_problem(502, "claim_failed");
        assert!(failed.body.to_string().len() < 2_000, "{}", failed.body);
        world.until(&ids[0], None).await;
    }
}

#[tokio::test]
async fn an_answer_of_30_mb_is_not_read() {
    let world = World::new(&[]).await;
    let ids = world.idle(1).await;
    let answer = json!({"inviteUrl": "https://h/x", "conversationId": "c", "padding": "x".repeat(30_000_000)});
    world.fake.state().provision_answer = Some(answer);
    assert_eq!(world.claim("{}").await.code(), "claim_failed");
    world.until(&ids[0], None).await;
}

#[tokio::test]
async fn an_instance_that_refuses_our_key_is_not_taken_for_dead() {
    let world = World::new(&[]).await;
    let ids = world.idle(2).await;
    for _ in 0..2 {
        world.fake.fail(Op::Health, Fault::Before(401));
    }
    assert_eq!(world.claim("{}").await.status, 503);
    for id in &ids {
        assert_eq!(world.status(id).await.as_deref(), Some("idle"));
    }
}

#[tokio::test]
async fn blank_texts_are_absent_and_the_rest_reaches_the_runtime() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    let body = json!({"agentName": " ", "joinUrl": "", "profileImage": "https://h/a.png",
                      "metadata": {"source": "site"}});
    let claimed = world.claim(&body.to_string()).await;
    assert_eq!(claimed.status, 200, "{}", claimed.body);
    let state = world.fake.state();
    let agent = &state.instances[&id].provisioned[0];
    assert_eq!(agent["agentName"], "Assistant");
    assert_eq!(agent.get("joinUrl"), None);
    assert_eq!(agent["profileImage"], "https://h/a.png");
    assert_eq!(agent["metadata"], json!({"source": "site"}));
}

#[tokio::test]
async fn the_schemes_of_links_are_a_setting_and_a_slug_has_none() {
    let world = World::new(&[("JOIN_URL_SCHEMES", "convos")]).await;
    world.idle(2).await;
    let claim = async |link: &str| {
        let body: Value = json!({ "joinUrl": link });
        world.claim(&body.to_string()).await
    };
    let refused = claim("https://chat/x").await;
    refused.is_problem(400, "invalid_field");
    assert_eq!(refused.body["field"], "joinUrl");
    assert_eq!(world.count("idle").await, 2);
    for link in ["convos://join/x", "EOQJCm5z"] {
        // The fake echoes the link, which no browser could open.
        let answer = json!({"inviteUrl": "https://chat/x", "conversationId": "c", "joined": true});
        world.fake.state().provision_answer = Some(answer);
        assert_eq!(claim(link).await.status, 200, "{link}");
    }
}

#[tokio::test]
async fn pages_of_named_sites_may_call_the_api_and_info_needs_no_key() {
    let world = World::new(&[("POOL_CORS_ORIGINS", "https://app.example.com")]).await;
    let url = format!("{}/api/pool/info", world.url);
    let from = async |origin: &str| {
        let request = world.http.get(&url).header("origin", origin);
        request.send().await.unwrap()
    };
    let allowed = from("https://app.example.com").await;
    assert_eq!(allowed.status(), 200, "without a key");
    let header = &allowed.headers()["access-control-allow-origin"];
    assert_eq!(header, "https://app.example.com");
    let other = from("https://evil.example.com").await;
    assert!(!other.headers().contains_key("access-control-allow-origin"));
    for (path, status) in [("status", 401), ("nowhere", 404), ("claim", 405)] {
        let refused = world.http.get(format!("{}/api/pool/{path}", world.url));
        let refused = refused.header("origin", "https://app.example.com");
        let refused = refused.send().await.unwrap();
        assert_eq!(refused.status(), status);
        let header = &refused.headers()["access-control-allow-origin"];
        assert_eq!(header, "https://app.example.com", "its page reads why");
    }
    let preflight = world
        .http
        .request(
            reqwest::Method::OPTIONS,
            format!("{}/api/pool/claim", world.url),
        )
        .header("origin", "https://app.example.com")
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,content-type",
        )
        .send()
        .await
        .unwrap();
    assert_eq!(preflight.status(), 200);
    assert!(
        preflight
            .headers()
            .contains_key("access-control-allow-methods")
    );
}

#[tokio::test]
async fn an_idle_row_that_is_somebodys_agent_is_kept_and_the_claim_goes_on() {
    // Runtimes that report it in their health check, and those that refuse to become another agent.
    for says_so in [true, false] {
        let world = World::new(&[]).await;
        let ids = world.idle(5).await;
        if says_so {
            let mut state = world.fake.state();
            for id in &ids[..4] {
                let instance = state.instances.get_mut(id).unwrap();
                instance.provisioned.push(json!({"agentName": "Ann"}));
            }
        } else {
            for _ in 0..4 {
                let refusal = Fault::Refuse(409, "already_provisioned");
                world.fake.fail(Op::Provision, refusal);
            }
        }
        let claimed = world.claim("{}").await;
        assert_eq!(claimed.status, 200, "{}", claimed.body);
        assert_eq!(claimed.body["instanceId"], json!(ids[4]));
        for id in &ids[..4] {
            assert_eq!(world.status(id).await.as_deref(), Some("claimed"));
        }
        assert_eq!(world.fake.times(Op::Destroy), 0);
        let configured = world.fake.times(Op::Configure);
        assert_eq!(
            configured,
            if says_so { 1 } else { 5 },
            "its variables stay"
        );
        let agents = world.send("GET", "/api/pool/agents", "").await;
        assert_eq!(agents.body["claimed"].as_array().unwrap().len(), 5);
    }
}
