//! The containers of an instance, one generation after another.

use std::collections::HashMap;

use agent_pool_core::{Context, ErrorKind, InfraHandle, ProviderError, absent_is_done};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder,
    RemoveContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
};

use crate::container::{Container, Plan};
use crate::infra::Docker;
use crate::settings::Settings;
use crate::{names, objects};

impl Docker {
    pub(crate) async fn containers(
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
    pub(crate) async fn generations(
        &self,
        cx: &Context,
        name: &str,
    ) -> Result<Vec<Container>, ProviderError> {
        if !names::is_plain(name) {
            return Ok(Vec::new());
        }
        let mut containers = self.containers(cx, names::filter_name(name)).await?;
        containers.retain(|container| container.name == name && !container.is_going());
        containers.sort_by_key(|container| std::cmp::Reverse(container.generation));
        Ok(containers)
    }

    pub(crate) async fn newest(
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

    /// Creates a container with these settings, without starting it.
    pub(crate) async fn make(
        &self,
        cx: &Context,
        settings: &Settings,
        plan: &Plan,
    ) -> Result<(), ProviderError> {
        let name = plan.container_name(cx.mark());
        let options = CreateContainerOptionsBuilder::new().name(&name).build();
        let body = plan.body(cx.mark(), settings);
        let client = self.engine.client(cx).await?;
        let made = self
            .engine
            .call(cx, client.create_container(Some(options), body))
            .await;
        match made {
            // An earlier attempt whose answer was lost created it.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
            made => made.map(drop),
        }
    }

    /// The plan of the next generation, copied from the newest one.
    pub(crate) async fn next(
        &self,
        cx: &Context,
        newest: &Container,
    ) -> Result<Plan, ProviderError> {
        let client = self.engine.client(cx).await?;
        let inspect = client.inspect_container(&newest.id, None::<InspectContainerOptions>);
        Plan::after(newest, self.engine.call(cx, inspect).await?)
    }

    /// Starts the newest generation in place of all others.
    ///
    /// A crash between two steps leaves a newest generation that was never started; the next call goes on from there.
    pub(crate) async fn deploy(&self, cx: &Context, name: &str) -> Result<(), ProviderError> {
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

    pub(crate) async fn remove(
        &self,
        cx: &Context,
        container: &Container,
    ) -> Result<(), ProviderError> {
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

    /// Creates the next generation with a change and the options of the handle, and removes generations that were
    /// never started.
    pub(crate) async fn replace(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        generations: &[Container],
        change: impl FnOnce(&mut Plan),
    ) -> Result<(), ProviderError> {
        let Some(newest) = generations.first() else {
            return Ok(());
        };
        let settings = self.settings.with(&handle.options)?;
        let mut plan = self.next(cx, newest).await?;
        change(&mut plan);
        objects::ensure_image(&self.engine, cx, &self.settings, &plan.image).await?;
        self.make(cx, &settings, &plan).await?;
        // Not earlier: until the new generation exists, only the old one holds the variables.
        for waiting in generations
            .iter()
            .filter(|container| !container.was_started())
        {
            self.remove(cx, waiting).await?;
        }
        Ok(())
    }
}

/// Podman lists an ending container as `stopped`, a state that the client's types lack, and the client then refuses
/// the whole list. The state lasts only a moment, so the call is repeated; nothing counts as gone meanwhile.
fn passing_state(error: ProviderError) -> ProviderError {
    if error.kind() == ErrorKind::Protocol && error.to_string().contains("unknown variant") {
        let message = "the engine lists a container in a state that this version does not know";
        ErrorKind::Unavailable.because(message).with_source(error)
    } else {
        error
    }
}
