//! The mocks as a service uses them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use agent_pool_core::registry::Registry;
use agent_pool_core::settings::Environment;
use agent_pool_core::{
    Context, DeployStatus, Effect, EnvVars, ErrorKind, InfraProvider, InstanceId, InstanceSpec,
    Mark, Redeploy, Secret, ToolOptions, ToolProvider,
};
use mock_provider::{LLM, MAIL, MockInfra, MockTool, Settings};

fn settings() -> Settings {
    Settings::read(&Environment::default()).unwrap()
}

fn context(environment: &str) -> Context {
    let http = agent_pool_core::http::bare_builder().build().unwrap();
    Context::new(Mark::new(&environment.parse().unwrap()), http)
}

fn spec() -> InstanceSpec {
    let name = "convos-agent-test".to_owned();
    InstanceSpec {
        name,
        ..InstanceSpec::default()
    }
}

#[test]
fn all_three_are_registered_and_need_no_setting() {
    let registry = Registry::collect(&Environment::default()).unwrap();
    for tool in ["mock-llm", "mock-mail"] {
        assert!(registry.tool(&tool.parse().unwrap()).is_ok(), "{tool}");
    }
    assert!(registry.infra(&"mock".parse().unwrap()).is_ok());
}

#[tokio::test]
async fn a_tool_is_provisioned_once_and_destroyed_twice() {
    let (cx, id) = (context("test"), InstanceId::generate());
    for (product, value) in [
        (LLM, format!("sk-or-fake-ap-test-{id}")),
        (MAIL, format!("ap-test-{id}@mail.invalid")),
    ] {
        let tool = MockTool::new(product, &settings());
        let first = tool.provision(&cx, &id, &ToolOptions::new()).await.unwrap();
        let again = tool.provision(&cx, &id, &ToolOptions::new()).await.unwrap();
        assert_eq!(first, again);
        assert_eq!(first.env.get(product.env_key), Some(&Secret::new(value)));
        let listed = tool.list(&cx).await.unwrap();
        assert_eq!((listed.len(), &listed[0].instance), (1, &id));
        assert_eq!(tool.list(&context("other")).await.unwrap(), []);
        for _ in 0..2 {
            tool.destroy(&cx, &id, &first.resource).await.unwrap();
        }
        assert_eq!(tool.list(&cx).await.unwrap(), []);
    }
}

#[tokio::test]
async fn an_instance_is_created_once_deployed_when_asked_and_destroyed_twice() {
    let (cx, id) = (context("test"), InstanceId::generate());
    let infra = MockInfra::new(settings());
    let created = infra.create(&cx, &id, &spec()).await.unwrap();
    assert_eq!(infra.create(&cx, &id, &spec()).await.unwrap(), created);
    let variables = EnvVars::from_iter([("KEY".parse().unwrap(), Secret::new("hunter2"))]);
    let status = async || infra.list(&cx).await.unwrap().remove(0).status;
    infra
        .configure(&cx, &created.handle, &EnvVars::new(), Redeploy::No)
        .await
        .unwrap();
    assert_eq!(status().await, None);
    infra
        .configure(&cx, &created.handle, &variables, Redeploy::Yes)
        .await
        .unwrap();
    assert_eq!(status().await, Some(DeployStatus::Success));
    let held = infra.vendor().get(created.handle.service.as_str());
    assert_eq!(held.unwrap().deployments, [variables]);
    for _ in 0..2 {
        infra.destroy(&cx, &created.handle).await.unwrap();
    }
    assert_eq!(infra.list(&cx).await.unwrap(), []);
    let gone = infra.redeploy(&cx, &created.handle).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_refusal_has_no_effect_and_a_lost_answer_has() {
    let (cx, id) = (context("test"), InstanceId::generate());
    let tool = MockTool::new(LLM, &settings());
    let provision = async || tool.provision(&cx, &id, &ToolOptions::new()).await;
    tool.vendor().refuse_next(ErrorKind::RateLimited);
    assert_eq!(
        provision().await.unwrap_err().kind(),
        ErrorKind::RateLimited
    );
    assert_eq!(tool.list(&cx).await.unwrap(), []);
    tool.vendor().lose_next_answer();
    assert_eq!(provision().await.unwrap_err().effect(), Effect::Unknown);
    assert_eq!(tool.list(&cx).await.unwrap().len(), 1);
    provision().await.unwrap();
    assert_eq!(tool.list(&cx).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn latency_is_what_was_set_or_asked_for() {
    let cx = context("test");
    let environment = Environment::from_iter([("MOCK_LATENCY_MS", "250")]);
    let tool = MockTool::new(LLM, &Settings::read(&environment).unwrap());
    let started = tokio::time::Instant::now();
    tool.list(&cx).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(250));
    tool.vendor().take_time(Duration::from_secs(60));
    tool.list(&cx).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(60));
}

#[tokio::test]
async fn a_fail_rate_of_one_fails_always_and_one_beyond_is_refused() {
    let read = |rate| Settings::read(&Environment::from_iter([("MOCK_FAIL_RATE", rate)]));
    let infra = MockInfra::new(read("1").unwrap());
    for _ in 0..20 {
        let error = infra.list(&context("test")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    assert!(
        read("1.5")
            .unwrap_err()
            .to_string()
            .starts_with("MOCK_FAIL_RATE is 1.5")
    );
}

#[tokio::test]
async fn instances_are_where_the_setting_says() {
    let environment = Environment::from_iter([("MOCK_INSTANCE_URL", "http://127.0.0.1:7/")]);
    let infra = MockInfra::new(Settings::read(&environment).unwrap());
    let (cx, id) = (context("test"), InstanceId::generate());
    let created = infra.create(&cx, &id, &spec()).await.unwrap();
    assert_eq!(created.url.as_str(), "http://127.0.0.1:7/");
}

#[test]
fn the_readme_names_every_setting() {
    for spec in Settings::describe() {
        let default = spec.default.unwrap_or_default();
        let row = format!(
            "| `{}` | `{default}` | {} |",
            spec.variable, spec.description
        );
        assert!(
            include_str!("../README.md").contains(&row),
            "README.md lacks:\n{row}"
        );
    }
}
