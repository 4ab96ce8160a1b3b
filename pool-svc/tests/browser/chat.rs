//! The page on which a person talks to an agent: the script of `examples/agent-runtime`.

use std::future::pending;

use agent_pool_core::settings::Environment;
use agent_runtime::Settings;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::axe::{assert_accessible, axe};
use crate::browser::at;
use crate::chrome::Screen;
use crate::fake::KEY;

/// The link to an agent of an instance without a language model.
async fn invited(data: &std::path::Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut environment = Environment::from_iter([("POOL_API_KEY", KEY)]);
    environment.set("INSTANCE_DATA_DIR", data.to_str().unwrap());
    let settings = Settings::read(&environment).unwrap();
    tokio::spawn(agent_runtime::serve(settings, listener, pending()));
    let http = agent_pool_core::http::bare_builder()
        .no_proxy()
        .build()
        .unwrap();
    let request = http.post(format!("{url}/pool/provision")).bearer_auth(KEY);
    let agent = json!({"agentName": "Tulip", "instructions": "Be kind."});
    let answer = request.json(&agent).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    answer["inviteUrl"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_agent_answers_in_place() {
    let data = tempfile::tempdir().unwrap();
    let link = invited(data.path()).await;
    at(&link, Screen::Phone, &[], async |browser| {
        browser.open("").await;
        browser.sees("#log", "This is the beginning").await;
        let mark = "document.body.dataset.mark = 'the same page'";
        browser.script(mark, json!([])).await;
        browser.fill("#text", "Good morning <b>!").await;
        browser.keys("\u{E007}").await;
        browser.sees("#log .person", "Good morning <b>!").await;
        browser.find("#log .agent:not(.waiting)").await;
        browser.find("body[data-mark='the same page']").await;
        let written = browser.find("#text").await.prop("value").await.unwrap();
        assert_eq!(written.as_deref(), Some(""));
        if let Some(axe) = axe() {
            assert_accessible(browser, &axe, "the chat").await;
        }
    })
    .await;
}
