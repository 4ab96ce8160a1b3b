//! What the pool sees of an instance: the runtime contract.

use crate::instance::{Instance, KEY, Port};
use agent_pool_core::wire::runtime::{Health, Provisioned};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::tempdir;

#[tokio::test]
async fn health_is_for_those_who_have_the_key() {
    let folder = tempdir().unwrap();
    let instance = Instance::start(folder.path(), [("POOL_API_KEY", "old, new")]).await;
    let health = || instance.http.get(format!("{}/pool/health", instance.url));
    for good in ["Bearer old", "bearer new"] {
        let answer = health().header("authorization", good).send().await.unwrap();
        assert!(answer.json::<Health>().await.unwrap().ready, "{good}");
    }
    let none = health().send().await.unwrap();
    assert_eq!(none.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(none.headers()["www-authenticate"], "Bearer");
    for bad in [
        "Bearer older",
        "Bearer old, new",
        "Bearer ",
        "Basic old",
        "old",
    ] {
        let answer = health().header("authorization", bad).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{bad}");
        assert!(answer.json::<Value>().await.unwrap()["error"].is_string());
    }
}

#[tokio::test]
async fn provision_opens_a_conversation_under_the_public_url() {
    let folder = tempdir().unwrap();
    let public = ("PUBLIC_URL", "https://agents.example.org");
    let instance = Instance::start(folder.path(), [public]).await;
    let body = json!({ "agentName": "Tulip", "instructions": "Be kind." });
    let answer = instance.provision(&body).send().await.unwrap();
    let provisioned: Provisioned = answer.json().await.unwrap();
    let invite = provisioned.invite_url.unwrap();
    let token = invite
        .strip_prefix("https://agents.example.org/c/")
        .unwrap();
    assert!(token.len() >= 32 && provisioned.conversation_id.is_some());
    assert!(!provisioned.joined);
}

#[tokio::test]
async fn the_same_provision_has_the_same_answer_and_another_one_is_a_conflict() {
    let folder = tempdir().unwrap();
    let instance = Instance::start(folder.path(), []).await;
    let invite = instance.become_tulip().await;
    assert_eq!(instance.become_tulip().await, invite);

    let other = json!({ "agentName": "Rose", "instructions": "Be kind." });
    let refused = instance.provision(&other).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    assert!(instance.page(&invite).await.contains("Tulip"));
}

#[tokio::test]
async fn a_provision_without_the_key_changes_nothing() {
    let folder = tempdir().unwrap();
    let instance = Instance::start(folder.path(), []).await;
    let body = json!({ "agentName": "Rose", "instructions": "Be mean." });
    let wrong = instance
        .http
        .post(format!("{}/pool/provision", instance.url));
    let refused = wrong.bearer_auth("guess").json(&body).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(!instance.become_tulip().await.is_empty());
}

#[tokio::test]
async fn a_bad_body_is_a_400_that_names_the_field() {
    let folder = tempdir().unwrap();
    let instance = Instance::start(folder.path(), []).await;
    for (body, word) in [
        (json!({ "instructions": "x" }), "agentName"),
        (json!({ "agentName": 1, "instructions": "x" }), "agentName"),
        (json!({ "agentName": "Tulip" }), "instructions"),
        (
            json!({ "agentName": "Tulip", "instructions": "" }),
            "instructions",
        ),
        (
            json!({ "agentName": "Tulip", "instructions": "x", "joinUrl": "javascript:x" }),
            "joinUrl",
        ),
        (json!("not an object"), "object"),
    ] {
        let refused = instance.provision(&body).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{body}");
        let problem: Value = refused.json().await.unwrap();
        assert!(
            problem["error"].as_str().unwrap().contains(word),
            "{problem}"
        );
    }
    assert!(!instance.become_tulip().await.is_empty());
}

#[tokio::test]
async fn what_is_not_served_says_so() {
    let folder = tempdir().unwrap();
    let instance = Instance::start(folder.path(), []).await;
    let url = |path: &str| format!("{}{path}", instance.url);
    let huge = "x".repeat(600 * 1024);
    for (request, status) in [
        (instance.http.get(url("/")), StatusCode::NOT_FOUND),
        (
            instance.http.get(url("/pool/provision")),
            StatusCode::METHOD_NOT_ALLOWED,
        ),
        (
            instance.provision(&json!(huge)),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ] {
        assert_eq!(
            request.bearer_auth(KEY).send().await.unwrap().status(),
            status
        );
    }
}

#[tokio::test]
async fn an_agent_joins_the_conversation_of_another_once() {
    let folders = (tempdir().unwrap(), tempdir().unwrap());
    let host = Instance::start(folders.0.path(), []).await;
    let invite = host.become_tulip().await;
    let guest = Instance::start(folders.1.path(), []).await;
    let body = json!({ "agentName": "Rose", "instructions": "Be brief.", "joinUrl": invite });
    for _ in 0..2 {
        let answer = guest.provision(&body).send().await.unwrap();
        let provisioned: Provisioned = answer.json().await.unwrap();
        assert!(provisioned.joined && provisioned.conversation_id.is_some());
        assert_eq!(provisioned.invite_url.as_ref(), Some(&invite));
    }
    let page = host.page(&invite).await;
    assert_eq!(page.matches("Rose has joined").count(), 1, "{page}");
    let link = page
        .split("href=\"")
        .find(|part| part.starts_with(&guest.url));
    let link = link.and_then(|part| part.split('"').next()).unwrap();
    assert!(guest.page(link).await.contains("Rose"));
}

#[tokio::test]
async fn a_conversation_that_cannot_be_joined_is_named_and_may_be_tried_again() {
    let folders = (tempdir().unwrap(), tempdir().unwrap());
    let port = Port::new();
    let host = Instance::start_on(&port, folders.0.path()).await;
    let (host_url, invite) = (host.url.clone(), host.become_tulip().await);
    host.stop().await;
    let guest = Instance::start(folders.1.path(), []).await;
    let body = json!({ "agentName": "Rose", "instructions": "Be brief.", "joinUrl": invite });
    let failed = guest.provision(&body).send().await.unwrap();
    assert_eq!(failed.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let problem = failed.text().await.unwrap();
    assert!(problem.contains("join_failed"), "{problem}");
    assert!(
        !problem.contains(&host_url),
        "the invitation is a secret: {problem}"
    );

    let _host = Instance::start_on(&port, folders.0.path()).await;
    let answer = guest.provision(&body).send().await.unwrap();
    assert!(answer.json::<Provisioned>().await.unwrap().joined);
}

#[tokio::test]
async fn an_instance_is_reset_unless_it_is_in_a_conversation() {
    let folder = tempdir().unwrap();
    let instance = Instance::start(folder.path(), []).await;
    let reset = async || {
        let request = instance.http.post(format!("{}/pool/reset", instance.url));
        request.bearer_auth(KEY).send().await.unwrap().status()
    };
    assert_eq!(reset().await, StatusCode::OK, "nothing to forget");
    let dead = json!({ "agentName": "Rose", "instructions": "Be brief.", "joinUrl": "http://127.0.0.1:1/c/x" });
    let failed = instance.provision(&dead).send().await.unwrap();
    assert_eq!(failed.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(reset().await, StatusCode::OK);
    assert!(
        !instance.become_tulip().await.is_empty(),
        "another agent can use it"
    );
    assert_eq!(reset().await, StatusCode::CONFLICT, "it stays that agent");
    let keyless = instance.http.post(format!("{}/pool/reset", instance.url));
    assert_eq!(
        keyless.send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_pending_join_is_reported_with_the_key_of_the_instance() {
    use warp::Filter;
    let (tell, mut calls) = tokio::sync::mpsc::unbounded_channel();
    let pool = warp::post()
        .and(warp::path!("callback"))
        .and(warp::header::<String>("authorization"))
        .and(warp::body::json())
        .map(move |key: String, body: Value| {
            tell.send((key, body)).unwrap();
            "{}"
        });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let callback = format!("http://{}/callback", listener.local_addr().unwrap());
    tokio::spawn(warp::serve(pool).incoming(listener).run());

    let [host, friend, stranger] = [(); 3].map(|()| tempdir().unwrap());
    let host = Instance::start(host.path(), []).await;
    let invite = host.become_tulip().await;
    let waits = [("JOIN_APPROVAL_MS", "1")];
    for (folder, link, good) in [
        (friend, invite.as_str(), true),
        (stranger, "http://127.0.0.1:9/c/x", false),
    ] {
        let guest = Instance::start(folder.path(), waits).await;
        let body = json!({ "agentName": "Rose", "instructions": "Be kind.", "joinUrl": link,
                           "callbackUrl": callback });
        let answer = guest.provision(&body).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["status"], "pending_acceptance");
        let (key, body) = calls.recv().await.unwrap();
        assert_eq!(key, format!("Bearer {KEY}"));
        if good {
            assert_eq!(
                (&body["inviteUrl"], &body["joined"]),
                (&json!(link), &json!(true))
            );
            assert!(body["conversationId"].is_string() && body.get("code").is_none());
        } else {
            assert_eq!(body["code"], "join_failed");
        }
    }
}

#[tokio::test]
async fn variables_that_come_later_are_kept_until_a_deployment_brings_newer_ones() {
    let folder = tempdir().unwrap();
    let stored = || std::fs::read_to_string(folder.path().join("agent.json")).unwrap();
    let instance = Instance::start(folder.path(), []).await;
    let health = instance.http.get(format!("{}/pool/health", instance.url));
    let health: Health = health
        .bearer_auth(KEY)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(health.variables, Some(true));
    let give = |key: &'static str, value: &'static str| {
        let body = json!({ "variables": { "OPENROUTER_API_KEY": value } });
        let url = format!("{}/pool/variables", instance.url);
        instance.http.post(url).bearer_auth(key).json(&body).send()
    };
    let refused = give("guess", "sk-or-fake-0").await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        give(KEY, "sk-or-fake-1").await.unwrap().status(),
        StatusCode::OK
    );
    assert!(stored().contains("sk-or-fake-1"));
    instance.stop().await;

    let instance = Instance::start(folder.path(), []).await;
    instance.become_tulip().await;
    assert!(stored().contains("sk-or-fake-1"), "kept across a restart");
    instance.stop().await;
    let newer = ("OPENROUTER_API_KEY", "sk-or-fake-2");
    let instance = Instance::start(folder.path(), [newer]).await;
    let give = json!({ "variables": { "OTHER": "x" } });
    let url = format!("{}/pool/variables", instance.url);
    let given = instance.http.post(url).bearer_auth(KEY).json(&give).send();
    assert_eq!(given.await.unwrap().status(), StatusCode::OK);
    assert!(
        !stored().contains("sk-or-fake-1"),
        "the deployment is newer"
    );
}
