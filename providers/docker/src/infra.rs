//! The provider.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use agent_pool_core::settings::{Environment, SettingSpec, SettingsError};
use agent_pool_core::{
    Context, CreatedInfra, EnvVars, ErrorKind, InfraCapabilities, InfraHandle, InfraProvider,
    InstanceId, InstanceSpec, ListedInstance, LogLine, ProviderError, Redeploy, absent_is_done,
};
use async_trait::async_trait;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder,
    RemoveContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
};
use serde_json::Value;
use std::collections::HashMap;
use url::Url;

use crate::container::{Container, Plan};
use crate::engine::Engine;
use crate::settings::Settings;
use crate::{logs, names, objects, port};

/// Runs instances as containers.
#[derive(Debug)]
pub struct Docker {
    settings: Settings,
    engine: Engine,
}

impl Docker {
    /// The reference of the settings.
    #[must_use]
    pub fn settings() -> Vec<SettingSpec> {
        Settings::describe()
    }

    /// Reads the settings and makes the provider. The engine is not asked for anything yet.
    ///
    /// # Errors
    /// `DOCKER_IMAGE` is missing; another variable has no meaning.
    pub fn build(environment: &Environment) -> Result<Arc<dyn InfraProvider>, SettingsError> {
        let settings = Settings::read(environment)?;
        let engine = Engine::new(settings.host.clone());
        Ok(Arc::new(Self { settings, engine }))
    }

    async fn containers(
        &self,
        cx: &Context,
        filter: HashMap<&'static str, Vec<String>>,
    ) -> Result<Vec<Container>, ProviderError> {
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filter)
            .build();
        let client = self.engine.client(cx).await?;
        let listed = self
            .engine
            .call(cx, client.list_containers(Some(options)))
            .await
            .map_err(passing_state)?;
        Ok(listed
            .into_iter()
            .filter_map(Container::from_summary)
            .collect())
    }

    /// The instance's containers, the newest generation first.
    async fn generations(&self, cx: &Context, name: &str) -> Result<Vec<Container>, ProviderError> {
        if !names::is_plain(name) {
            return Ok(Vec::new());
        }
        let mut containers = self.containers(cx, names::of_name(name)).await?;
        containers.retain(|container| container.name == name && !container.is_going());
        containers.sort_by_key(|container| std::cmp::Reverse(container.generation));
        Ok(containers)
    }

    async fn newest(
        &self,
        cx: &Context,
        handle: &InfraHandle,
    ) -> Result<Vec<Container>, ProviderError> {
        let generations = self.generations(cx, handle.service.as_str()).await?;
        if generations.is_empty() {
            let message = format!("the engine has no container of {}", handle.service.as_str());
            return Err(ErrorKind::NotFound.because(message));
        }
        Ok(generations)
    }

    /// Makes a container that is not started.
    async fn make(&self, cx: &Context, plan: &Plan) -> Result<(), ProviderError> {
        let name = plan.container_name(cx.mark());
        let options = CreateContainerOptionsBuilder::new().name(&name).build();
        let body = plan.body(cx.mark(), &self.settings);
        let client = self.engine.client(cx).await?;
        let made = self
            .engine
            .call(cx, client.create_container(Some(options), body))
            .await;
        match made {
            // An attempt whose answer was lost made it.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
            made => made.map(drop),
        }
    }

    /// The plan of the next generation, with what the newest one has.
    async fn next(&self, cx: &Context, newest: &Container) -> Result<Plan, ProviderError> {
        let client = self.engine.client(cx).await?;
        let inspect = client.inspect_container(&newest.id, None::<InspectContainerOptions>);
        Plan::after(newest, self.engine.call(cx, inspect).await?)
    }

    /// Starts the newest generation in place of all others.
    ///
    /// A crash between two steps leaves a newest generation that was never started; the next call goes on from there.
    async fn deploy(&self, cx: &Context, name: &str) -> Result<(), ProviderError> {
        let generations = self.generations(cx, name).await?;
        let Some((newest, others)) = generations.split_first() else {
            return Err(
                ErrorKind::NotFound.because(format!("the engine has no container of {name}"))
            );
        };
        // The older ones hold the port and the volume.
        for other in others {
            self.remove(cx, other).await?;
        }
        let client = self.engine.client(cx).await?;
        let start = client.start_container(&newest.id, None::<StartContainerOptions>);
        self.engine.call(cx, start).await
    }

    async fn remove(&self, cx: &Context, container: &Container) -> Result<(), ProviderError> {
        let client = self.engine.client(cx).await?;
        let grace = self.settings.stop_grace_ms.duration().as_secs();
        let options = StopContainerOptionsBuilder::new()
            .t(i32::try_from(grace).unwrap_or(i32::MAX))
            .build();
        if container.was_started() {
            absent_is_done(
                self.engine
                    .call(cx, client.stop_container(&container.id, Some(options)))
                    .await,
            )?;
        }
        let options = RemoveContainerOptionsBuilder::new().force(true).build();
        absent_is_done(
            self.engine
                .call(cx, client.remove_container(&container.id, Some(options)))
                .await,
        )
    }

    /// Makes the next generation with a change, and removes those that were never started.
    async fn replace(
        &self,
        cx: &Context,
        generations: &[Container],
        change: impl FnOnce(&mut Plan),
    ) -> Result<(), ProviderError> {
        let Some(newest) = generations.first() else {
            return Ok(());
        };
        let mut plan = self.next(cx, newest).await?;
        change(&mut plan);
        objects::ensure_image(&self.engine, cx, &self.settings, &plan.image).await?;
        self.make(cx, &plan).await?;
        // Only now: until the new one is there, the old one is where the variables are.
        for waiting in generations
            .iter()
            .filter(|container| !container.was_started())
        {
            self.remove(cx, waiting).await?;
        }
        Ok(())
    }

    fn url(
        &self,
        cx: &Context,
        instance: &InstanceId,
        port: Option<u16>,
    ) -> Result<Option<Url>, ProviderError> {
        let invalid =
            |problem: String| ErrorKind::Invalid.because(format!("DOCKER_URL_TEMPLATE {problem}"));
        if let Some(url) = self.settings.url_of(instance, &cx.mark().label(instance)) {
            return url.map(Some).map_err(invalid);
        }
        let Some(port) = port else {
            return Ok(None);
        };
        let host = match self.settings.publish {
            IpAddr::V6(address) => format!("[{address}]"),
            IpAddr::V4(address) => address.to_string(),
        };
        let url = Url::parse(&format!("http://{host}:{port}"));
        url.map(Some).map_err(|error| {
            ErrorKind::Protocol
                .because("a port makes no URL")
                .with_source(error)
        })
    }

    /// A port for a new instance; `None` if the template says where it is reached.
    async fn choose_port(
        &self,
        cx: &Context,
        instance: &InstanceId,
    ) -> Result<Option<u16>, ProviderError> {
        if self.settings.url_template.is_some() {
            return Ok(None);
        }
        let all = self.containers(cx, names::of_any()).await?;
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
        let all = self.containers(cx, names::of_any()).await?;
        let mut rivals = all.iter().filter(|other| other.port == plan.port);
        Ok(rivals.any(|other| other.instance < plan.instance))
    }
}

#[async_trait]
impl InfraProvider for Docker {
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
                self.make(cx, &plan).await?;
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
        self.replace(cx, &generations, add).await?;
        match redeploy {
            Redeploy::Yes => self.deploy(cx, handle.service.as_str()).await,
            Redeploy::No => Ok(()),
        }
    }

    async fn redeploy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        let generations = self.newest(cx, handle).await?;
        if generations.first().is_some_and(Container::was_started) {
            self.replace(cx, &generations, |_| ()).await?;
        }
        self.deploy(cx, handle.service.as_str()).await
    }

    async fn destroy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        let name = handle.service.as_str();
        if !names::is_plain(name) {
            return Ok(());
        }
        for container in self.containers(cx, names::of_name(name)).await? {
            self.remove(cx, &container).await?;
        }
        objects::remove(&self.engine, cx, name).await
    }

    async fn list(&self, cx: &Context) -> Result<Vec<ListedInstance>, ProviderError> {
        let mut instances: BTreeMap<InstanceId, Vec<Container>> = BTreeMap::new();
        for container in self.containers(cx, names::of_environment(cx)).await? {
            instances
                .entry(container.instance.clone())
                .or_default()
                .push(container);
        }
        let listed = instances
            .into_iter()
            .filter_map(|(instance, mut generations)| {
                generations.retain(|container| !container.is_going());
                generations.sort_by_key(|container| container.generation);
                let newest = generations.last()?.clone();
                // A generation that waits for its deployment says nothing about the one that runs.
                let deployed = generations
                    .iter()
                    .rev()
                    .find(|container| container.was_started());
                Some(self.listed(cx, &instance, &newest, deployed))
            });
        listed.collect()
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
        self.replace(cx, &generations, |plan| image.clone_into(&mut plan.image))
            .await?;
        self.deploy(cx, handle.service.as_str()).await
    }

    async fn verify(&self, cx: &Context) -> Result<(), ProviderError> {
        let client = self.engine.client(cx).await?;
        self.engine.call(cx, client.ping()).await.map(drop)
    }
}

impl Docker {
    fn listed(
        &self,
        cx: &Context,
        instance: &InstanceId,
        newest: &Container,
        deployed: Option<&Container>,
    ) -> Result<ListedInstance, ProviderError> {
        let image = deployed.unwrap_or(newest).image.clone();
        Ok(ListedInstance {
            handle: handle(&newest.name, instance, image)?,
            status: deployed.and_then(Container::status),
            url: self.url(cx, instance, newest.port)?,
            created_at: newest.created_at,
        })
    }
}

fn handle(
    name: &str,
    instance: &InstanceId,
    image: Option<String>,
) -> Result<InfraHandle, ProviderError> {
    Ok(InfraHandle {
        instance: instance.clone(),
        service: name.parse()?,
        image,
        // Everything else is found by the name.
        data: Value::Null,
    })
}

/// Podman lists a container that is just ending as `stopped`, a word that the client's types lack, and then the whole
/// list is refused. It passes in a moment, so the call is repeated; nothing counts as gone meanwhile.
fn passing_state(error: ProviderError) -> ProviderError {
    if error.kind() == ErrorKind::Protocol && error.to_string().contains("unknown variant") {
        let message = "the engine lists a container in a state that this version does not know";
        ErrorKind::Unavailable.because(message).with_source(error)
    } else {
        error
    }
}
