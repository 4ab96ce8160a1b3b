//! Tests of the registry: registrations and settings.

use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use super::*;
use crate::settings::{self, Environment, SettingSpec, SettingsError};
use crate::{
    Context, InstanceId, ListedResource, ProviderError, ProvisionedTool, ResourceId, Secret,
    ToolId, ToolOptions, ToolProvider,
};

/// A tool that can only be built.
#[derive(Debug, Deserialize, JsonSchema)]
struct Acme {
    /// The account's key.
    #[expect(dead_code, reason = "only read from the settings")]
    api_key: Secret,
}

impl Acme {
    fn settings() -> Vec<SettingSpec> {
        settings::describe::<Self>("ACME_")
    }

    fn build(environment: &Environment) -> Result<Arc<dyn ToolProvider>, SettingsError> {
        Ok(Arc::new(settings::read::<Self>("ACME_", environment)?))
    }
}

#[async_trait]
impl ToolProvider for Acme {
    async fn provision(
        &self,
        _: &Context,
        _: &InstanceId,
        _: &ToolOptions,
    ) -> Result<ProvisionedTool, ProviderError> {
        Err(ProviderError::unsupported("provision"))
    }

    async fn destroy(
        &self,
        _: &Context,
        _: &InstanceId,
        _: &ResourceId,
    ) -> Result<(), ProviderError> {
        Err(ProviderError::unsupported("destroy"))
    }

    async fn list(&self, _: &Context) -> Result<Vec<ListedResource>, ProviderError> {
        Err(ProviderError::unsupported("list"))
    }
}

fn acme(id: &'static str, crate_name: &'static str) -> ToolRegistration {
    ToolRegistration {
        id,
        name: "Acme",
        mode: "per-instance-key",
        env_keys: &["ACME_KEY"],
        crate_name,
        settings: Acme::settings,
        build: Acme::build,
    }
}

fn configured() -> Environment {
    Environment::from_iter([("ACME_API_KEY", "k")])
}

#[test]
fn two_crates_with_one_id_are_refused_and_both_named() {
    let error = Registry::from_registrations(
        [acme("acme", "one"), acme("acme", "two")],
        [],
        &configured(),
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "tool \"acme\" is registered twice, by one and by two: link one of them"
    );
}

#[test]
fn a_malformed_registration_is_refused_and_named() {
    let error =
        Registry::from_registrations([acme("Acme!", "one")], [], &configured()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("one registers a malformed id"),
        "{error}"
    );
    let nameless = ToolRegistration {
        env_keys: &["A-B"],
        ..acme("acme", "one")
    };
    let error = Registry::from_registrations([nameless], [], &configured()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("one registers a malformed env key"),
        "{error}"
    );
}

#[test]
fn a_tool_and_an_infra_of_one_id_are_refused() {
    let infra = InfraRegistration {
        id: "acme",
        name: "Acme",
        crate_name: "two",
        settings: Acme::settings,
        build: |_| Err(SettingsError::fault("ACME_API_KEY", "is required")),
    };
    let error =
        Registry::from_registrations([acme("acme", "one")], [infra], &configured()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "tool and infra \"acme\" is registered twice, by one and by two: link one of them"
    );
}

#[test]
fn a_tool_may_not_set_what_the_system_sets() {
    let key = ToolRegistration {
        env_keys: &["ACME_KEY", "POOL_API_KEY"],
        ..acme("acme", "one")
    };
    let error = Registry::from_registrations([key], [], &configured()).unwrap_err();
    let expected = "one registers a malformed env key: POOL_API_KEY is set by the system itself";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn two_tools_that_set_one_variable_clash_and_one_twice_does_not() {
    let tools = [acme("acme", "one"), acme("bolt", "two")];
    let registry = Registry::from_registrations(tools, [], &configured()).unwrap();
    let [acme, bolt]: [ToolId; 2] = ["acme", "bolt"].map(|id| id.parse().unwrap());
    assert_eq!(registry.together([&acme, &acme]), Ok(()));
    let error = registry.together([&acme, &bolt]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "tools acme and bolt both set ACME_KEY: an instance can have one of them"
    );
}

#[test]
fn a_provider_that_panics_when_it_is_built_is_as_one_that_is_not_configured() {
    let panics = ToolRegistration {
        build: |_| panic!("no such file"),
        ..acme("my-tool", "two")
    };
    let registry =
        Registry::from_registrations([acme("acme", "one"), panics], [], &configured()).unwrap();
    assert!(registry.tool(&"acme".parse().unwrap()).is_ok());
    let error = registry.tool(&"my-tool".parse().unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "tool \"my-tool\" is not configured: \
         MY_TOOL_* cannot be read: the provider panicked: no such file"
    );
}

#[test]
fn an_unconfigured_tool_is_listed_and_names_its_variable_when_asked_for() {
    let registry =
        Registry::from_registrations([acme("acme", "one")], [], &Environment::default()).unwrap();
    assert_eq!(registry.tools().count(), 1);
    let error = registry
        .tool(&"acme".parse().unwrap())
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("tool \"acme\" is not configured: ACME_API_KEY is required"));
}

#[test]
fn the_layers_are_set_by_the_providers_prefix_and_listed_with_its_settings() {
    let environment = Environment::from_iter([("ACME_MAX_ATTEMPTS", "0")]);
    let registry = Registry::from_registrations([acme("acme", "one")], [], &environment).unwrap();
    let error = registry
        .tool(&"acme".parse().unwrap())
        .unwrap_err()
        .to_string();
    assert!(error.contains("ACME_API_KEY is required"), "{error}");
    assert!(error.contains("ACME_MAX_ATTEMPTS is \"0\""), "{error}");
    let reference = acme("acme", "one").reference();
    let names: Vec<_> = reference
        .iter()
        .map(|spec| spec.variable.as_str())
        .collect();
    assert_eq!(names[..2], ["ACME_API_KEY", "ACME_TIMEOUT_MS"]);
}

#[test]
fn an_unknown_tool_is_answered_with_what_there_is() {
    let registry = Registry::from_registrations(
        [acme("acme", "one"), acme("bolt", "two")],
        [],
        &configured(),
    );
    let error = registry
        .unwrap()
        .tool(&"cork".parse().unwrap())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown tool \"cork\": this build has acme, bolt"
    );
}

#[test]
fn providers_come_in_order_of_id_whatever_the_order_of_linking() {
    let registry =
        Registry::from_registrations([acme("zeta", "z"), acme("alfa", "a")], [], &configured());
    let registry = registry.unwrap();
    let ids: Vec<_> = registry.tools().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["alfa", "zeta"]);
}
