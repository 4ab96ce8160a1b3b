//! Two tools and an infra in the world, and one of each that is never configured.

use std::sync::Arc;

use agent_pool_core::registry::{InfraRegistration, ToolRegistration};
use agent_pool_core::settings::{Environment, SettingSpec, SettingsError};
use agent_pool_core::{
    Context, CreatedInfra, DeployStatus, EnvVars, InfraCapabilities, InfraHandle, InfraOptions,
    InfraProvider, InstanceId, InstanceSpec, ListedInstance, ListedResource, Metadata, NoticeError,
    ProviderError, ProvisionedTool, Redeploy, ResourceId, Secret, ToolCapabilities, ToolOptions,
    ToolProvider, Usage, VendorNotice, read_options,
};
use async_trait::async_trait;
use chrono::Utc;
use serde_json::json;

use super::world::{Resource, ServiceState, State, World};

/// The variable by which a provider finds its world.
pub(super) const WORLD: &str = "TEST_WORLD";

pub(super) const TOOLS: [ToolRegistration; 3] = [
    tool("alpha", &["ALPHA_KEY"], |env| build_tool("alpha", env)),
    tool("beta", &["BETA_NUMBER", "BETA_PROFILE"], |env| {
        build_tool("beta", env)
    }),
    tool("gamma", &["GAMMA_KEY"], |_| Err(missing("GAMMA_TOKEN"))),
];

pub(super) const INFRA: [InfraRegistration; 2] = [
    InfraRegistration {
        settings: cellar_specs,
        ..infra("cellar", |env| Ok(Arc::new(Cellar(world(env)?))))
    },
    infra("attic", |_| Err(missing("ATTIC_TOKEN"))),
];

const fn tool(
    id: &'static str,
    env_keys: &'static [&'static str],
    build: fn(&Environment) -> Result<Arc<dyn ToolProvider>, SettingsError>,
) -> ToolRegistration {
    ToolRegistration {
        id,
        name: id,
        mode: "per-instance",
        env_keys,
        crate_name: "tests",
        settings: specs,
        build,
    }
}

const fn infra(
    id: &'static str,
    build: fn(&Environment) -> Result<Arc<dyn InfraProvider>, SettingsError>,
) -> InfraRegistration {
    InfraRegistration {
        id,
        name: id,
        crate_name: "tests",
        settings: specs,
        build,
    }
}

pub(crate) fn specs() -> Vec<SettingSpec> {
    vec![SettingSpec {
        variable: WORLD.to_owned(),
        description: "Which world it is in.".to_owned(),
        required: true,
        secret: true,
        default: None,
    }]
}

fn cellar_specs() -> Vec<SettingSpec> {
    let shelves = SettingSpec {
        variable: "CELLAR_SHELVES".to_owned(),
        description: "How many shelves an instance gets.".to_owned(),
        required: false,
        secret: false,
        default: Some("2".to_owned()),
    };
    specs().into_iter().chain([shelves]).collect()
}

fn missing(variable: &str) -> SettingsError {
    SettingsError::fault(variable, "is required")
}

pub(crate) fn world(env: &Environment) -> Result<Arc<World>, SettingsError> {
    env.get(WORLD).map(World::get).ok_or_else(|| missing(WORLD))
}

fn build_tool(id: &'static str, env: &Environment) -> Result<Arc<dyn ToolProvider>, SettingsError> {
    Ok(Arc::new(Tool {
        id,
        world: world(env)?,
    }))
}

#[derive(Debug)]
struct Tool {
    id: &'static str,
    world: Arc<World>,
}

#[async_trait]
impl ToolProvider for Tool {
    async fn provision(
        &self,
        cx: &Context,
        instance: &InstanceId,
        options: &ToolOptions,
    ) -> Result<ProvisionedTool, ProviderError> {
        let key = (self.id.to_owned(), instance.clone());
        let id = format!("{}-{instance}@{}", self.id, options.len());
        let made = |state: &mut State| {
            state.attempts.push(cx.attempt());
            let new = Resource {
                id,
                label: cx.mark().label(instance),
                created_at: Some(Utc::now()),
            };
            state.resources.entry(key).or_insert(new).id.clone()
        };
        let resource = self
            .world
            .call(&format!("{} provision", self.id), made)
            .await?;
        let names: &[&str] = if self.id == "alpha" {
            &["ALPHA_KEY"]
        } else {
            &["BETA_NUMBER", "BETA_PROFILE"]
        };
        let state = self.world.state();
        let padding = "x".repeat(state.metadata_bytes);
        let secret = |name: &str| {
            // Recognisable, so that tests can find it where it must not be.
            let (start, end) = (state.secret_start, state.secret_end);
            Secret::new(format!("{start}hunter2-{name}-{instance}{end}"))
        };
        let env = names
            .iter()
            .chain(&state.undeclared)
            .map(|name| (name.parse().unwrap(), secret(name)));
        Ok(ProvisionedTool {
            resource: resource.parse().unwrap(),
            env: env.collect(),
            metadata: ToolOptions::new(),
        }
        .with("note", format!("noted by {}", self.id))
        .with("padding", padding)
        .with("nested", json!([{ "text": state.metadata_text }])))
    }

    async fn destroy(
        &self,
        _: &Context,
        instance: &InstanceId,
        resource: &ResourceId,
    ) -> Result<(), ProviderError> {
        let key = (self.id.to_owned(), instance.clone());
        let gone = |state: &mut State| {
            if state
                .resources
                .get(&key)
                .is_some_and(|one| one.id == resource.as_str())
            {
                state.resources.remove(&key);
            }
        };
        self.world.call(&format!("{} destroy", self.id), gone).await
    }

    fn capabilities(&self) -> ToolCapabilities {
        ToolCapabilities {
            usage: self.id == "alpha",
            update: self.id == "alpha",
            ..ToolCapabilities::default()
        }
    }

    async fn usage(&self, _: &Context, _: &ResourceId) -> Result<Usage, ProviderError> {
        let message = |_: &mut State| Usage([("usd".to_owned(), 1.25)].into());
        self.world
            .call(&format!("{} usage", self.id), message)
            .await
    }

    async fn update(
        &self,
        _: &Context,
        _: &ResourceId,
        _: &ToolOptions,
    ) -> Result<(), ProviderError> {
        let done = |_: &mut State| ();
        self.world.call(&format!("{} update", self.id), done).await
    }

    async fn refresh(&self, _: &Context) -> Result<Vec<(ResourceId, Metadata)>, ProviderError> {
        let changed = |state: &mut State| {
            let own = state
                .resources
                .iter()
                .filter(|((tool, _), _)| tool == self.id);
            let campaign = |(_, resource): (_, &Resource)| {
                let metadata = [("campaign".to_owned(), json!(state.campaign?))];
                Some((resource.id.parse().unwrap(), metadata.into_iter().collect()))
            };
            own.filter_map(campaign).collect()
        };
        self.world
            .call(&format!("{} refresh", self.id), changed)
            .await
    }

    async fn list(&self, cx: &Context) -> Result<Vec<ListedResource>, ProviderError> {
        let all = |state: &mut State| {
            let own = state
                .resources
                .iter()
                .filter(|((tool, _), _)| tool == self.id)
                .filter(|(_, resource)| cx.mark().instance(&resource.label).is_some());
            own.map(|((_, instance), resource)| ListedResource {
                resource: resource.id.parse().unwrap(),
                instance: instance.clone(),
                created_at: resource.created_at,
            })
            .collect()
        };
        self.world.call(&format!("{} list", self.id), all).await
    }
}

#[derive(Debug)]
struct Cellar(Arc<World>);

#[async_trait]
impl InfraProvider for Cellar {
    fn capabilities(&self) -> InfraCapabilities {
        InfraCapabilities {
            update_image: true,
            ..InfraCapabilities::default()
        }
    }

    fn recipe_settings(&self) -> &'static [&'static str] {
        &["CELLAR_SHELVES"]
    }

    async fn resolve_image(
        &self,
        _: &Context,
        image: &str,
    ) -> Result<Option<String>, ProviderError> {
        let digest = |state: &mut State| state.digests.get(image).cloned();
        self.0.call("cellar resolve", digest).await
    }

    async fn update_image(
        &self,
        _: &Context,
        handle: &InfraHandle,
        image: &str,
    ) -> Result<(), ProviderError> {
        let changed = |state: &mut State| {
            let service = state.services.get_mut(&handle.instance).unwrap();
            service.handle.image = Some(image.to_owned());
            service.deploy(handle);
        };
        self.0.call("cellar update", changed).await
    }

    fn takes_notices(&self) -> bool {
        true
    }

    fn check_options(&self, options: &InfraOptions) -> Result<(), ProviderError> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Options {
            #[serde(rename = "bottles")]
            _bottles: Option<u32>,
        }
        read_options::<Options>(options).map(drop)
    }

    fn read_notice(&self, secret: &Secret, body: &[u8]) -> Result<VendorNotice, NoticeError> {
        if secret.expose() != "the-secret-of-the-cellar" {
            return Err(NoticeError::Forged);
        }
        let id = std::str::from_utf8(body).map_err(|_| NoticeError::Malformed)?;
        Ok(VendorNotice::new(id))
    }

    async fn create(
        &self,
        cx: &Context,
        instance: &InstanceId,
        spec: &InstanceSpec,
    ) -> Result<CreatedInfra, ProviderError> {
        let handle = InfraHandle {
            image: spec.image.clone(),
            data: json!({ "shelf": format!("shelf-1{}", self.0.state().shelf_end) }),
            ..InfraHandle::new(
                instance.clone(),
                format!("svc-{}", cx.mark().label(instance))
                    .parse()
                    .unwrap(),
            )
        };
        let made = |state: &mut State| {
            state.attempts.push(cx.attempt());
            let url = format!("{}/{instance}", state.instances_url);
            let service = state
                .services
                .entry(instance.clone())
                .or_insert(ServiceState {
                    handle,
                    variables: EnvVars::new(),
                    deployments: 0,
                    status: None,
                    detail: None,
                    created_at: Some(Utc::now()),
                });
            CreatedInfra {
                handle: service.handle.clone(),
                url: url.parse().unwrap(),
            }
        };
        self.0.call("cellar create", made).await
    }

    async fn configure(
        &self,
        _: &Context,
        handle: &InfraHandle,
        variables: &EnvVars,
        redeploy: Redeploy,
    ) -> Result<(), ProviderError> {
        let set = |state: &mut State| {
            let service = state.services.get_mut(&handle.instance).unwrap();
            service.variables.merge(variables.clone());
            if redeploy == Redeploy::Yes {
                service.deploy(handle);
                service.status = Some(DeployStatus::Success);
            }
        };
        self.0.call("cellar configure", set).await
    }

    async fn redeploy(&self, _: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        let again = |state: &mut State| {
            let service = state.services.get_mut(&handle.instance).unwrap();
            service.deploy(handle);
        };
        self.0.call("cellar redeploy", again).await
    }

    async fn destroy(&self, _: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        let gone = |state: &mut State| {
            state.services.remove(&handle.instance);
        };
        self.0.call("cellar destroy", gone).await
    }

    async fn list(&self, cx: &Context) -> Result<Vec<ListedInstance>, ProviderError> {
        let all = |state: &mut State| {
            let base = state.instances_url.clone();
            let digest = state.listed_digest.map(ToOwned::to_owned);
            let services = state.services.iter().filter(|(_, service)| {
                let label = service.handle.service.as_str().strip_prefix("svc-");
                label.is_some_and(|label| cx.mark().instance(label).is_some())
            });
            services
                .map(|(instance, service)| ListedInstance {
                    handle: service.handle.clone(),
                    status: service.status.clone(),
                    detail: service.detail.clone(),
                    url: format!("{base}/{instance}").parse().ok(),
                    created_at: service.created_at,
                    image_digest: digest.clone(),
                })
                .collect()
        };
        self.0.call("cellar list", all).await
    }
}
