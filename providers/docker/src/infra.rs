//! The provider.

use std::sync::Arc;

use agent_pool_core::settings::{Environment, SettingSpec, SettingsError};
use agent_pool_core::{
    Context, CreatedInfra, EnvVars, ErrorKind, InfraCapabilities, InfraHandle, InfraOptions,
    InfraProvider, InstanceId, InstanceSpec, ListedInstance, LogLine, ProviderError, Redeploy,
};
use async_trait::async_trait;
use url::Url;

use crate::container::{Container, Plan};
use crate::engine::Engine;
use crate::settings::{RECIPE_SETTINGS, Settings};
use crate::{logs, names, objects, port};

/// Runs instances as containers.
#[derive(Debug)]
pub struct Docker {
    pub(crate) settings: Settings,
    pub(crate) engine: Engine,
}

impl Docker {
    /// The specs of the settings.
    #[must_use]
    pub fn settings() -> Vec<SettingSpec> {
        Settings::describe()
    }

    /// Reads the settings and builds the provider, without a call to the engine.
    ///
    /// # Errors
    /// `DOCKER_IMAGE` is missing, or a variable has an invalid value.
    pub fn build(environment: &Environment) -> Result<Arc<dyn InfraProvider>, SettingsError> {
        let settings = Settings::read(environment)?;
        let engine = Engine::new(settings.host.clone());
        Ok(Arc::new(Self { settings, engine }))
    }

    pub(crate) fn url(
        &self,
        cx: &Context,
        instance: &InstanceId,
        port: Option<u16>,
    ) -> Result<Option<Url>, ProviderError> {
        let url = self
            .settings
            .address(instance, &cx.mark().label(instance), port);
        url.map_err(|problem| ErrorKind::Invalid.because(problem))
    }

    /// A port for a new instance; `None` if a URL template is set.
    async fn choose_port(
        &self,
        cx: &Context,
        instance: &InstanceId,
    ) -> Result<Option<u16>, ProviderError> {
        if self.settings.url_template.is_some() {
            return Ok(None);
        }
        let all = self.containers(cx, names::filter_any()).await?;
        let taken = all.iter().filter_map(|container| container.port).collect();
        let range = (self.settings.port_first, self.settings.port_last);
        let local = self
            .settings
            .host
            .starts_with("unix://")
            .then_some(self.settings.publish);
        let chosen = port::choose(range, &taken, instance, local);
        chosen.map(Some).ok_or_else(|| {
            let message =
                "no port is free between DOCKER_PORT_FIRST and DOCKER_PORT_LAST: widen the range";
            ErrorKind::Forbidden.because(message)
        })
    }

    /// Whether another instance chose the same port at the same time, and this one has to choose again.
    async fn has_lost_its_port(&self, cx: &Context, plan: &Plan) -> Result<bool, ProviderError> {
        if plan.port.is_none() {
            return Ok(false);
        }
        let all = self.containers(cx, names::filter_any()).await?;
        let mut rivals = all.iter().filter(|other| other.port == plan.port);
        Ok(rivals.any(|other| other.instance < plan.instance))
    }
}

#[async_trait]
impl InfraProvider for Docker {
    fn default_image(&self) -> Option<&str> {
        Some(&self.settings.image)
    }

    fn recipe_settings(&self) -> &'static [&'static str] {
        &RECIPE_SETTINGS
    }

    fn check_options(&self, options: &InfraOptions) -> Result<(), ProviderError> {
        self.settings.with(options).map(drop)
    }

    async fn resolve_image(
        &self,
        cx: &Context,
        image: &str,
    ) -> Result<Option<String>, ProviderError> {
        objects::resolve_image(&self.engine, cx, &self.settings, image).await
    }

    fn capabilities(&self) -> InfraCapabilities {
        InfraCapabilities {
            logs: true,
            update_image: true,
            verify: true,
        }
    }

    async fn create(
        &self,
        cx: &Context,
        instance: &InstanceId,
        spec: &InstanceSpec,
    ) -> Result<CreatedInfra, ProviderError> {
        let name = cx.mark().label(instance);
        let settings = self.settings.with(&spec.options)?;
        let image = spec
            .image
            .clone()
            .unwrap_or_else(|| self.settings.image.clone());
        objects::ensure_image(&self.engine, cx, &self.settings, &image).await?;
        objects::ensure_volume(&self.engine, cx, instance).await?;
        objects::ensure_network(&self.engine, cx, &self.settings, instance).await?;
        let there = self.generations(cx, &name).await?;
        let port = match there.first() {
            Some(container) => container.port,
            None => loop {
                let port = self.choose_port(cx, instance).await?;
                let plan = Plan {
                    instance: instance.clone(),
                    generation: 1,
                    image: image.clone(),
                    port,
                    variables: EnvVars::new(),
                };
                self.make(cx, &settings, &plan).await?;
                if !self.has_lost_its_port(cx, &plan).await? {
                    break port;
                }
                for container in self.generations(cx, &name).await? {
                    self.remove(cx, &container).await?;
                }
            },
        };
        let url = self.url(cx, instance, port)?.ok_or_else(|| {
            let message =
                format!("container {name} publishes no port, and DOCKER_URL_TEMPLATE is not set");
            ErrorKind::Invalid.because(message)
        })?;
        let handle = handle(&name, instance, Some(image))?;
        Ok(CreatedInfra { handle, url })
    }

    async fn configure(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        variables: &EnvVars,
        redeploy: Redeploy,
    ) -> Result<(), ProviderError> {
        let generations = self.newest(cx, handle).await?;
        let add = |plan: &mut Plan| plan.variables.merge(variables.clone());
        self.replace(cx, handle, &generations, add).await?;
        match redeploy {
            Redeploy::Yes => self.deploy(cx, handle.service.as_str()).await,
            Redeploy::No => Ok(()),
        }
    }

    async fn redeploy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        let generations = self.newest(cx, handle).await?;
        if generations.first().is_some_and(Container::was_started) {
            self.replace(cx, handle, &generations, |_| ()).await?;
        }
        self.deploy(cx, handle.service.as_str()).await
    }

    async fn destroy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        let name = handle.service.as_str();
        if !names::is_plain(name) {
            return Ok(());
        }
        for container in self.containers(cx, names::filter_name(name)).await? {
            self.remove(cx, &container).await?;
        }
        objects::remove(&self.engine, cx, name).await
    }

    async fn list(&self, cx: &Context) -> Result<Vec<ListedInstance>, ProviderError> {
        self.list_instances(cx).await
    }

    async fn logs(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        lines: usize,
    ) -> Result<Vec<LogLine>, ProviderError> {
        let generations = self.newest(cx, handle).await?;
        let deployed = generations.iter().find(|container| container.was_started());
        match deployed {
            Some(container) => logs::tail(&self.engine, cx, &container.id, lines).await,
            None => Ok(Vec::new()),
        }
    }

    async fn update_image(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        image: &str,
    ) -> Result<(), ProviderError> {
        let generations = self.newest(cx, handle).await?;
        let change = |plan: &mut Plan| image.clone_into(&mut plan.image);
        self.replace(cx, handle, &generations, change).await?;
        self.deploy(cx, handle.service.as_str()).await
    }

    async fn verify(&self, cx: &Context) -> Result<(), ProviderError> {
        let client = self.engine.client(cx).await?;
        self.engine.call(cx, client.ping()).await.map(drop)
    }
}

pub(crate) fn handle(
    name: &str,
    instance: &InstanceId,
    image: Option<String>,
) -> Result<InfraHandle, ProviderError> {
    // Everything else is found by the name.
    Ok(InfraHandle {
        image,
        ..InfraHandle::new(instance.clone(), name.parse()?)
    })
}
