//! Tests of misbehaving providers: each is detected and named, and affects nothing else.

use std::sync::Arc;

use agent_pool_core::registry::ToolRegistration;
use agent_pool_core::settings::{Environment, SettingsError};
use agent_pool_core::{
    Context, EnvName, InstanceId, ListedResource, ProviderError, ProvisionedTool, ResourceId,
    Secret, ToolCapabilities, ToolOptions, ToolProvider,
};
use async_trait::async_trait;
use serde_json::json;

use crate::support::{Answer, Resource, Service, World, id, specs, world};

/// The fault of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Vice {
    Panics,
    Hangs,
    SlashInItsId,
    TenMegabytes,
    NoIdentifier,
    SetsAnothers,
    /// Declares what `alpha` declares.
    Rivals,
    PanicsInLists,
}

const fn tool(
    id: &'static str,
    build: fn(&Environment) -> Result<Arc<dyn ToolProvider>, SettingsError>,
) -> ToolRegistration {
    ToolRegistration {
        id,
        name: id,
        mode: "per-instance",
        env_keys: &["BAD_KEY"],
        crate_name: "bad-tests",
        settings: specs,
        build,
    }
}

static BAD: [ToolRegistration; 9] = [
    tool("panics", |env| build(Vice::Panics, "panics", env)),
    tool("hangs", |env| build(Vice::Hangs, "hangs", env)),
    tool("slash", |env| build(Vice::SlashInItsId, "slash", env)),
    tool("bulky", |env| build(Vice::TenMegabytes, "bulky", env)),
    tool("misnamed", |env| build(Vice::NoIdentifier, "misnamed", env)),
    tool("greedy", |env| build(Vice::SetsAnothers, "greedy", env)),
    ToolRegistration {
        env_keys: &["ALPHA_KEY"],
        ..tool("rival", |env| build(Vice::Rivals, "rival", env))
    },
    tool("blind", |env| build(Vice::PanicsInLists, "blind", env)),
    ToolRegistration {
        settings: || panic!("no reference"),
        ..tool("unbuilt", |_| panic!("no such file"))
    },
];

fn build(
    vice: Vice,
    id: &'static str,
    env: &Environment,
) -> Result<Arc<dyn ToolProvider>, SettingsError> {
    let world = world(env)?;
    Ok(Arc::new(Bad { vice, id, world }))
}

#[derive(Debug)]
struct Bad {
    vice: Vice,
    id: &'static str,
    world: Arc<World>,
}

#[async_trait]
impl ToolProvider for Bad {
    fn capabilities(&self) -> ToolCapabilities {
        assert!(self.vice != Vice::Panics, "nothing is declared");
        ToolCapabilities::default()
    }

    /// Creates a resource, whatever it answers.
    async fn provision(
        &self,
        cx: &Context,
        instance: &InstanceId,
        _: &ToolOptions,
    ) -> Result<ProvisionedTool, ProviderError> {
        let made = Resource {
            id: format!("{}-{instance}", self.id),
            label: cx.mark().label(instance),
            created_at: None,
        };
        let key = (self.id.to_owned(), instance.clone());
        let tool = ProvisionedTool::new(&made.id, [("BAD_KEY", Secret::new("k"))])?;
        self.world.state().resources.insert(key, made);
        match self.vice {
            Vice::Panics => panic!("index out of bounds"),
            Vice::Hangs => std::future::pending().await,
            Vice::SlashInItsId => ProvisionedTool::new("a/b", [("BAD_KEY", Secret::new("k"))]),
            Vice::TenMegabytes => Ok(tool.with("answer", "x".repeat(10 << 20))),
            Vice::NoIdentifier => {
                let _: EnvName = "BAD-KEY".parse()?;
                Ok(tool)
            }
            Vice::SetsAnothers => {
                let mut tool = tool;
                tool.env.set("ALPHA_KEY".parse()?, Secret::new("mine"));
                Ok(tool)
            }
            Vice::Rivals | Vice::PanicsInLists => Ok(tool),
        }
    }

    async fn destroy(
        &self,
        _: &Context,
        instance: &InstanceId,
        _: &ResourceId,
    ) -> Result<(), ProviderError> {
        let key = (self.id.to_owned(), instance.clone());
        self.world.state().resources.remove(&key);
        Ok(())
    }

    async fn list(&self, _: &Context) -> Result<Vec<ListedResource>, ProviderError> {
        assert!(self.vice != Vice::PanicsInLists, "not a list");
        let state = self.world.state();
        let own = state.resources.iter().filter(|((of, _), _)| of == self.id);
        let listed = own.map(|((_, instance), one)| {
            Ok(ListedResource {
                resource: one.id.parse()?,
                instance: instance.clone(),
                created_at: None,
            })
        });
        listed.collect()
    }
}

async fn with_bad_providers() -> Service {
    let once = BAD.map(|bad| format!("{}_MAX_ATTEMPTS", bad.id.to_uppercase()));
    let mut settings: Vec<_> = once.iter().map(|name| (name.as_str(), "1")).collect();
    settings.extend([("HANGS_TIMEOUT_MS", "100"), ("SWEEP_GRACE_MS", "0")]);
    Service::with_tools(&BAD, &settings).await
}

/// Requires that `alpha` still works.
async fn harmless(service: &Service, number: usize) {
    service.create(&id(number), &["alpha"]).await.ok();
    service
        .delete(&format!("/destroy/{}", id(number)))
        .await
        .ok();
}

#[tokio::test]
async fn each_is_caught_and_named_and_undone_and_alpha_works_on() {
    let service = with_bad_providers().await;
    for (bad, status, code, message) in [
        (
            "panics",
            500,
            "provider_defect",
            "panicked: index out of bounds",
        ),
        ("hangs", 503, "vendor_unavailable", "not done within "),
        (
            "slash",
            502,
            "vendor_protocol",
            "\"a/b\" is not a resource id",
        ),
        ("bulky", 500, "provider_defect", "metadata of 1048"),
        (
            "misnamed",
            502,
            "vendor_protocol",
            "\"BAD-KEY\" is not an environment variable name",
        ),
        (
            "greedy",
            500,
            "provider_defect",
            "sets ALPHA_KEY, which its registration",
        ),
    ] {
        let local = service.post("/provision-local", json!({ "tools": ["alpha", bad] }));
        let together = service.create(&id(1), &["alpha", bad]).await;
        let answers: [Answer; 2] = [together, local.await];
        for answer in answers {
            let detail = answer.is_problem(status, code).detail();
            let named = format!("{bad} provision for instance ");
            assert!(
                detail.contains(&named) && detail.contains(message),
                "{detail}"
            );
            assert!(detail.contains("undone"), "{detail}");
        }
        assert!(service.world.is_empty(), "{bad}: {:?}", service.world);
        assert_eq!(service.rows().await, (0, 0), "{bad}");
        harmless(&service, 2).await;
    }
}

#[tokio::test]
async fn one_more_tool_that_misbehaves_leaves_the_instance_as_it_was() {
    let service = with_bad_providers().await;
    service.create(&id(1), &["alpha"]).await.ok();
    for bad in ["panics", "hangs", "slash", "bulky", "misnamed", "greedy"] {
        let path = format!("/provision/{}/{bad}", id(1));
        let answer = service.post(&path, json!({})).await;
        assert!(answer.detail().contains(bad), "{answer:?}");
        let state = service.world.state();
        assert_eq!(state.resources.len(), 1, "{bad}");
        let variables = &state.services.values().next().unwrap().variables;
        assert!(variables.get("BAD_KEY").is_none(), "{bad}");
        let key = variables.get("ALPHA_KEY").unwrap().expose();
        assert!(key.starts_with("hunter2-"), "{bad}");
    }
}

#[tokio::test]
async fn two_tools_that_set_one_variable_are_refused_before_either_is_made() {
    let service = with_bad_providers().await;
    let message = "tools alpha and rival both set ALPHA_KEY";
    let local = service.post("/provision-local", json!({ "tools": ["alpha", "rival"] }));
    let together = service.create(&id(1), &["alpha", "rival"]).await;
    for answer in [together, local.await] {
        let answer = answer.is_problem(409, "tools_clash");
        assert!(answer.detail().contains(message), "{answer:?}");
        assert_eq!(answer.body["field"], "tools[1]");
    }
    assert!(service.world.state().calls.is_empty());

    service.create(&id(1), &["alpha"]).await.ok();
    let more = format!("/provision/{}/rival", id(1));
    let answer = service.post(&more, json!({})).await;
    assert!(
        answer
            .is_problem(409, "tools_clash")
            .detail()
            .contains(message)
    );
    assert_eq!(service.world.state().resources.len(), 1);
}

#[tokio::test]
async fn the_registry_names_what_cannot_be_built_and_the_sweep_what_cannot_be_listed() {
    let service = with_bad_providers().await;
    let registry = service.get("/registry").await.ok();
    let tools = registry["tools"].as_array().unwrap();
    let of = |id: &str| tools.iter().find(|tool| tool["id"] == id).unwrap();
    let faults = json!(["UNBUILT_* cannot be read: the provider panicked: no such file"]);
    assert_eq!(of("unbuilt")["faults"], faults);
    assert_eq!(of("alpha")["configured"], true);
    assert_eq!(of("panics")["capabilities"]["verify"], false);

    service.create(&id(1), &["alpha"]).await.ok();
    service.execute("DELETE FROM instance_infra").await;
    let report = service
        .post("/sweep", json!({ "destroy": true }))
        .await
        .ok();
    let message = report["failures"]["blind"].as_str().unwrap();
    assert!(
        message.contains("blind list: defect: panicked: not a list"),
        "{message}"
    );
    assert_eq!(report["failures"].as_object().unwrap().len(), 1, "{report}");
    assert!(service.world.is_empty(), "alpha is swept all the same");
}
