//! Making an instance: each part is looked for before it is made, so that a creation that was cut
//! short at any point is completed by the next one. Nothing is deployed.

use std::num::NonZero;

use agent_pool_core::{
    Context, CreatedInfra, Effect, ErrorKind, InstanceId, InstanceSpec, ProviderError, ServiceId,
};

use crate::domain;
use crate::error::{Failure, malformed};
use crate::fleet::Fleet;
use crate::handle::Handle;
use crate::model::{Project, ServiceInstance};
use crate::placement::{Home, Placement};
use crate::provider::Railway;

/// Where an instance lives, and what is there of it already.
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

    async fn site(&self, cx: &Context, label: &str) -> Result<Site, ProviderError> {
        match &self.placement {
            Placement::Shared(shared) => {
                let home = shared.find(cx, &self.client).await?.clone();
                let seen = self.client.fleet(cx, &home.environment).await?;
                Ok(Site { home, seen })
            }
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
        let inside = project.into_environment(label);
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
        let asked = self
            .client
            .project_create(cx, workspace, label, environment);
        let made = self.unsettled(asked.await)?;
        let id = made.id.clone();
        let inside = made.into_environment();
        let home = Home {
            environment: inside.ok_or_else(|| without_environment(&id))?,
            project: id,
        };
        let seen = Fleet::default();
        Ok(Site { home, seen })
    }

    /// The volume that hangs on the service, bearing its name; made where there is none.
    async fn volume(
        &self,
        cx: &Context,
        site: &Site,
        service: &ServiceId,
        label: &str,
    ) -> Result<String, ProviderError> {
        let mut mounted = site.seen.volumes.iter();
        let id = match mounted.find(|volume| volume.service_id.as_ref() == Some(service)) {
            Some(volume) if volume.name() == label => return Ok(volume.volume_id.clone()),
            Some(volume) => volume.volume_id.clone(),
            None => {
                let mount = &self.settings.volume_mount;
                let asked = self.client.volume_create(cx, &site.home, service, mount);
                self.unsettled(asked.await)?
            }
        };
        self.client.volume_rename(cx, &id, label).await?;
        Ok(id)
    }

    async fn add_domain(
        &self,
        cx: &Context,
        home: &Home,
        service: &ServiceId,
    ) -> Result<String, ProviderError> {
        let port = self.settings.target_port.map(NonZero::get);
        let asked = self.client.service_domain_create(cx, home, service, port);
        self.unsettled(asked.await)
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
