//! What a person sees of an agent: the page at the invite URL.

use std::sync::{Arc, Mutex};

use crate::instance::{Instance, Port};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::tempdir;
use tokio::net::TcpListener;
use warp::Filter;

/// A language model's API that records its requests and always gives the same answer.
struct FakeModel {
    url: String,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl FakeModel {
    async fn start(status: u16, answer: Value) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        let status = warp::http::StatusCode::from_u16(status).unwrap();
        let route = warp::path!("api" / "v1" / "chat" / "completions")
            .and(warp::post())
            .and(warp::header::exact("authorization", "Bearer sk-or-v1-real"))
            .and(warp::body::json())
            .map(move |body: Value| {
                kept.lock().unwrap().push(body);
                warp::reply::with_status(warp::reply::json(&answer), status)
            });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api/v1", listener.local_addr().unwrap());
        tokio::spawn(warp::serve(route).incoming(listener).run());
        Self { url, asked }
    }

    fn variables(&self) -> [(&str, &str); 3] {
        [
            ("OPENROUTER_API_KEY", "sk-or-v1-real"),
            ("OPENROUTER_API_URL", &self.url),
            ("OPENROUTER_MODEL", "a/model"),
        ]
    }
}

#[tokio::test]
async fn without_a_real_key_the_agent_says_that_it_is_offline_and_echoes() {
    for key in ["", "sk-or-fake-1"] {
        let folder = tempdir().unwrap();
        let instance = Instance::start(folder.path(), [("OPENROUTER_API_KEY", key)]).await;
        let invite = instance.become_tulip().await;
        let said = instance.say(&invite, "Good morning").await;
        assert_eq!(said.status(), StatusCode::SEE_OTHER);
        let back = said.headers()["location"].to_str().unwrap().to_owned();
        let page = instance.page(&format!("{}{back}", instance.url)).await;
        assert!(page.contains("I run offline"), "{page}");
        assert_eq!(page.matches("Good morning").count(), 2, "{page}");
    }
}

#[tokio::test]
async fn the_model_is_asked_with_the_instructions_and_what_was_said() {
    let answer = json!({ "choices": [{ "message": { "role": "assistant", "content": "Hi!" } }] });
    let model = FakeModel::start(200, answer).await;
    let folder = tempdir().unwrap();
    let instance = Instance::start(folder.path(), model.variables()).await;
    let invite = instance.become_tulip().await;
    instance.say(&invite, "one").await;
    instance.say(&invite, " two\r\nlines ").await;
    assert!(instance.page(&invite).await.contains("Hi!"));
    let expected = json!({ "model": "a/model", "messages": [
        { "role": "system", "content": "Be kind." },
        { "role": "user", "content": "one" },
        { "role": "assistant", "content": "Hi!" },
        { "role": "user", "content": "two\nlines" },
    ]});
    assert_eq!(model.asked.lock().unwrap()[1], expected);
}

#[tokio::test]
async fn a_model_that_fails_is_explained_without_its_words_or_the_key() {
    let vendor = json!({ "error": { "code": 402, "message": "key sk-or-v1-real is broke" } });
    let model = FakeModel::start(402, vendor).await;
    let folder = tempdir().unwrap();
    let instance = Instance::start(folder.path(), model.variables()).await;
    let invite = instance.become_tulip().await;
    let said = instance.say(&invite, "hello").await;
    assert_eq!(said.status(), StatusCode::SEE_OTHER);
    let page = instance.page(&invite).await;
    assert!(
        page.contains("hello") && page.contains("is used up"),
        "{page}"
    );
    assert!(!page.contains("sk-or") && !page.contains("broke"), "{page}");
}

#[tokio::test]
async fn agent_and_conversation_survive_a_restart() {
    let folder = tempdir().unwrap();
    let port = Port::new();
    let instance = Instance::start_on(&port, folder.path()).await;
    let invite = instance.become_tulip().await;
    instance.say(&invite, "remember me").await;
    instance.stop().await;

    let instance = Instance::start_on(&port, folder.path()).await;
    let page = instance.page(&invite).await;
    assert!(
        page.contains("Tulip") && page.contains("remember me"),
        "{page}"
    );
    assert_eq!(instance.become_tulip().await, invite);
}

#[tokio::test]
async fn a_configured_agent_exists_and_accepts_the_claim() {
    let folder = tempdir().unwrap();
    let configured = [("AGENT_NAME", "Tulip"), ("AGENT_INSTRUCTIONS", "Be kind.")];
    let instance = Instance::start(folder.path(), configured).await;
    let invite = instance.become_tulip().await;
    assert!(instance.page(&invite).await.contains("Tulip"));
}

#[tokio::test]
async fn what_people_write_is_text_and_never_markup() {
    let folder = tempdir().unwrap();
    let instance = Instance::start(folder.path(), []).await;
    let name = "<b>\"Tulip\"</b>";
    let body = json!({ "agentName": name, "instructions": "A secret plan." });
    let provisioned: Value = instance
        .provision(&body)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let invite = provisioned["inviteUrl"].as_str().unwrap();
    instance.say(invite, "<script>alert(1)</script>").await;
    let page = instance.page(invite).await;
    assert!(
        page.contains("&lt;script&gt;") && page.contains("&lt;b&gt;"),
        "{page}"
    );
    assert!(
        !page.contains("<script>alert") && !page.contains("<b>"),
        "{page}"
    );
    assert!(
        !page.contains("A secret plan."),
        "guests must not see instructions"
    );
}

#[tokio::test]
async fn every_answer_forbids_what_a_page_does_not_need() {
    let folder = tempdir().unwrap();
    let instance = Instance::start(folder.path(), []).await;
    let invite = instance.become_tulip().await;
    for url in [
        &invite,
        &format!("{}/nowhere", instance.url),
        &format!("{}/chat.js", instance.url),
    ] {
        let answer = instance.http.get(url).send().await.unwrap();
        let policy = answer.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
        assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    }
}

#[tokio::test]
async fn a_wrong_link_shows_a_page_and_takes_no_message() {
    let folder = tempdir().unwrap();
    let instance = Instance::start(folder.path(), []).await;
    let invite = instance.become_tulip().await;
    let wrong = format!("{}/c/guess", instance.url);
    let answer = instance.http.get(&wrong).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert!(
        answer
            .text()
            .await
            .unwrap()
            .contains("no conversation here")
    );
    assert_eq!(
        instance.say(&wrong, "intruder").await.status(),
        StatusCode::NOT_FOUND
    );
    let guest = json!({ "name": "Rose", "url": "http://127.0.0.1:9/c/x" });
    let joined = instance.http.post(format!("{wrong}/guests")).json(&guest);
    assert_eq!(joined.send().await.unwrap().status(), StatusCode::NOT_FOUND);
    let page = instance.page(&invite).await;
    assert!(!page.contains("intruder") && !page.contains("Rose"));
}

#[tokio::test]
async fn a_message_is_bounded_and_an_empty_one_is_none() {
    let folder = tempdir().unwrap();
    let instance = Instance::start(folder.path(), []).await;
    let invite = instance.become_tulip().await;
    let said = instance.say(&invite, &"é".repeat(4_001)).await;
    assert_eq!(said.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(said.text().await.unwrap().contains("at most 4000"));
    let before = instance.page(&invite).await;
    let said = instance.say(&invite, " \r\n ").await;
    assert_eq!(said.status(), StatusCode::SEE_OTHER);
    assert_eq!(instance.page(&invite).await, before);
    let said = instance.say(&invite, &"é".repeat(4_000)).await;
    assert_eq!(said.status(), StatusCode::SEE_OTHER);
}
