//! Creates an instance: each part is looked up before it is created, so that a creation that was interrupted at any
//! point is completed by the next one. Nothing is deployed.

use std::num::NonZero;
use std::time::Duration;

use agent_pool_core::{
    Attempt, Context, CreatedInfra, Effect, ErrorKind, InstanceId, InstanceSpec, ProviderError,
    Section, ServiceId,
};

use crate::domain;
use crate::error::{Absence, Failure, malformed};
use crate::fleet::Fleet;
use crate::handle::Handle;
use crate::infra::Railway;
use crate::placement::{Home, Placement};
use crate::settings::RailwaySettings;
use crate::wire::{Project, ServiceInstance};

/// Pauses between tries of a step whose id is not visible yet.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The place of an instance, and its existing parts.
struct Site {
    home: Home,
    seen: Fleet,
}

impl Railway {
    pub(crate) async fn make(
        &self,
        cx: &Context,
        instance: &InstanceId,
        spec: &InstanceSpec,
    ) -> Result<CreatedInfra, ProviderError> {
        let label = cx.mark().label(instance);
        let site = self.site(cx, &label).await?;
        let seen = site.seen.named(&label);
        let service = match seen {
            Some(service) => service.service_id.clone(),
            None => {
                let asked = self.client.service_create(cx, &site.home, &label);
                self.mark_lost_answer(asked.await)?
            }
        };
        let settings = self.settings.with(&spec.options)?;
        // Both are awaited, even after a failure, because a call in flight cannot be undone.
        let (volume, domain) = tokio::join!(
            self.volume(cx, &settings, &site, &service, &label),
            self.domain(cx, &site.home, &service, seen),
        );
        let (volume, domain) = (volume?, domain?);
        let image = spec.image.as_ref().unwrap_or(&self.settings.runtime_image);
        Ok(CreatedInfra {
            handle: Handle {
                volume: Some(volume),
                image: Some(image.clone()),
                region: settings.region,
                ..Handle::new(instance.clone(), service, &site.home)
            }
            .write()?,
            url: domain::url(&domain).ok_or_else(|| malformed("answered an unusable domain"))?,
        })
    }

    /// Repeats a step of a creation while Railway reports that an id does not exist that it has just returned: a new
    /// service or volume takes up to a minute to become visible to the next step.
    async fn retry_until_visible<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        cx: &Context,
        step: impl Fn() -> F,
    ) -> Result<T, Failure> {
        let mut left = self.settings.ready_ms.duration();
        let mut pause = FIRST_PAUSE;
        loop {
            match step().await {
                Err(failure) if failure.absence == Absence::Stated && !left.is_zero() => {
                    pause = pause.min(left);
                    cx.pause(pause).await.map_err(|_| failure)?;
                    left -= pause;
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
                outcome => return outcome,
            }
        }
    }

    async fn site(&self, cx: &Context, label: &str) -> Result<Site, ProviderError> {
        // In a first attempt there is nothing to find.
        let first = cx.attempt() == Attempt::First;
        match &self.placement {
            Placement::Shared(shared) => {
                let home = shared.find(cx, &self.client).await?.clone();
                let seen = if first {
                    Fleet::default()
                } else {
                    let (project, environment) = (Some(home.project.as_str()), &home.environment);
                    self.client.fleet(cx, project, environment).await?
                };
                Ok(Site { home, seen })
            }
            Placement::Own {
                workspace,
                environment,
            } if first => self.new_site(cx, workspace, environment, label).await,
            Placement::Own {
                workspace,
                environment,
            } => self.own_site(cx, workspace, environment, label).await,
        }
    }

    async fn own_site(
        &self,
        cx: &Context,
        workspace: &str,
        environment: &str,
        label: &str,
    ) -> Result<Site, ProviderError> {
        let projects = self.client.projects(cx, workspace).await?;
        let mut ours = projects
            .into_iter()
            .filter(|project| project.deleted_at.is_none() && project.name == label);
        match ours.next() {
            Some(project) => self.site_in(cx, project, label).await,
            None => self.new_site(cx, workspace, environment, label).await,
        }
    }

    async fn site_in(
        &self,
        cx: &Context,
        project: Project,
        label: &str,
    ) -> Result<Site, ProviderError> {
        let id = project.id.clone();
        let inside = project.into_environment(cx.mark(), label)?;
        let inside = inside.ok_or_else(|| without_environment(&id))?;
        let home = Home {
            project: id,
            environment: inside.id.clone(),
        };
        let seen = self.client.rest(cx, inside).await?;
        Ok(Site { home, seen })
    }

    async fn new_site(
        &self,
        cx: &Context,
        workspace: &str,
        environment: &str,
        label: &str,
    ) -> Result<Site, ProviderError> {
        let made = {
            // Released when the answer arrives: the interval to the next project starts then.
            let _turn = self.turn_of_project(cx, workspace).await?;
            let asked = self
                .client
                .project_create(cx, workspace, label, environment);
            self.mark_lost_answer(asked.await)?
        };
        let id = made.id.clone();
        let inside = made.into_environment(cx.mark())?;
        let home = Home {
            environment: inside.ok_or_else(|| without_environment(&id))?,
            project: id,
        };
        let seen = Fleet::default();
        Ok(Site { home, seen })
    }

    async fn turn_of_project(
        &self,
        cx: &Context,
        workspace: &str,
    ) -> Result<Section, ProviderError> {
        let interval = self.settings.project_interval_ms.duration();
        let seconds = interval.as_secs().max(1);
        let reason = format!(
            "Railway allows workspace {workspace} one new project in {seconds} s, at most {} instances an hour",
            3_600 / seconds
        );
        cx.enter(&format!("railway/projects/{workspace}"), interval, &reason)
            .await
    }

    /// The volume that is attached to the service and has its name; created if absent.
    async fn volume(
        &self,
        cx: &Context,
        settings: &RailwaySettings,
        site: &Site,
        service: &ServiceId,
        label: &str,
    ) -> Result<String, ProviderError> {
        let volumes = site.seen.volumes.iter();
        let mut mounted = volumes.filter(|volume| volume.service_id.as_ref() == Some(service));
        let id = match mounted.next() {
            Some(volume) => {
                // From a creation whose answer was lost and which the lists did not show in time. Railway deploys
                // nothing if two volumes have one path.
                for surplus in mounted {
                    self.client.volume_delete(cx, &surplus.volume_id).await?;
                }
                if volume.name() == label {
                    return Ok(volume.volume_id.clone());
                }
                volume.volume_id.clone()
            }
            None => {
                let create = || self.client.volume_create(cx, &site.home, service, settings);
                let made = self.retry_until_visible(cx, create);
                self.mark_lost_answer(made.await)?
            }
        };
        let rename = || self.client.volume_rename(cx, &id, label);
        self.retry_until_visible(cx, rename).await?;
        Ok(id)
    }

    /// The domain of the service; created if absent.
    async fn domain(
        &self,
        cx: &Context,
        home: &Home,
        service: &ServiceId,
        seen: Option<&ServiceInstance>,
    ) -> Result<String, ProviderError> {
        if let Some(domain) = seen.and_then(ServiceInstance::domain) {
            return Ok(domain.to_owned());
        }
        let create = || self.try_domain(cx, home, service);
        let made = self.retry_until_visible(cx, create).await;
        self.mark_lost_answer(made)
    }

    /// The turn is taken for each attempt, so that others can continue while this creation pauses.
    async fn try_domain(
        &self,
        cx: &Context,
        home: &Home,
        service: &ServiceId,
    ) -> Result<String, Failure> {
        let port = self.settings.target_port.map(NonZero::get);
        let _turn = self.change_of(cx, &home.environment).await?;
        let asked = self.client.service_domain_create(cx, home, service, port);
        asked.await
    }

    /// The outcome of a creation. If its answer was lost, it may have taken effect, and the lists that the next call
    /// reads lag behind: the error asks to wait until they are up to date.
    fn mark_lost_answer<T>(&self, outcome: Result<T, Failure>) -> Result<T, ProviderError> {
        outcome.map_err(|Failure { error, .. }| {
            if error.effect() == Effect::Unknown && error.retry_after().is_none() {
                error.with_retry_after(self.settings.settle_ms.duration())
            } else {
                error
            }
        })
    }
}

fn without_environment(project: &str) -> ProviderError {
    let problem = format!("project {project} of this instance has no environment");
    ProviderError::new(ErrorKind::Conflict, problem)
}
