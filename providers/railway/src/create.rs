//! Creating an instance: each part is looked up before it is created, so that a creation that was cut
//! short at any point is completed by the next one. Nothing is deployed.

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
                self.unsettled(asked.await)?
            }
        };
        let volume = self.volume(cx, &site, &service, &label).await?;
        let domain = match seen.and_then(ServiceInstance::domain) {
            Some(domain) => domain.to_owned(),
            None => self.add_domain(cx, &site.home, &service).await?,
        };
        let image = spec.image.as_ref().unwrap_or(&self.settings.runtime_image);
        Ok(CreatedInfra {
            handle: Handle {
                volume: Some(volume),
                image: Some(image.clone()),
                ..Handle::new(instance.clone(), service, &site.home)
            }
            .write()?,
            url: domain::url(&domain).ok_or_else(|| malformed("answered an unusable domain"))?,
        })
    }

    /// Takes a step of a creation again while Railway says that there is nothing of an id that the creation
    /// has just got: a new service or volume takes up to a minute to become visible to the next step.
    async fn patiently<T, F: Future<Output = Result<T, Failure>>>(
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
        // In a first attempt there is nothing to be found.
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
            // Left with the answer: the interval to the next project counts from there.
            let _turn = self.turn_of_project(cx, workspace).await?;
            let asked = self
                .client
                .project_create(cx, workspace, label, environment);
            self.unsettled(asked.await)?
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

    /// The volume that hangs on the service, bearing its name; made where there is none.
    async fn volume(
        &self,
        cx: &Context,
        site: &Site,
        service: &ServiceId,
        label: &str,
    ) -> Result<String, ProviderError> {
        let volumes = site.seen.volumes.iter();
        let mut mounted = volumes.filter(|volume| volume.service_id.as_ref() == Some(service));
        let id = match mounted.next() {
            Some(volume) => {
                // Of a creation whose answer was lost and that lists did not show in time. Railway deploys
                // nothing with two volumes at one path.
                for surplus in mounted {
                    self.client.volume_delete(cx, &surplus.volume_id).await?;
                }
                if volume.name() == label {
                    return Ok(volume.volume_id.clone());
                }
                volume.volume_id.clone()
            }
            None => {
                let create = || {
                    let (home, settings) = (&site.home, &self.settings);
                    self.client.volume_create(cx, home, service, settings)
                };
                let made = self.patiently(cx, create);
                self.unsettled(made.await)?
            }
        };
        let rename = || self.client.volume_rename(cx, &id, label);
        self.patiently(cx, rename).await?;
        Ok(id)
    }

    async fn add_domain(
        &self,
        cx: &Context,
        home: &Home,
        service: &ServiceId,
    ) -> Result<String, ProviderError> {
        let create = || self.try_domain(cx, home, service);
        let made = self.patiently(cx, create).await;
        self.unsettled(made)
    }

    /// The turn is taken for each try: others go on while this creation pauses.
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

    /// The outcome of a creation. One whose answer was lost may have been done, and the lists that the
    /// next call looks at lag behind: it asks to be left alone until they show what there is.
    fn unsettled<T>(&self, outcome: Result<T, Failure>) -> Result<T, ProviderError> {
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
