//! All our instances, with one call for each page.

use std::collections::HashMap;

use agent_pool_core::{
    Context, DeployStatus, InstanceId, ListedInstance, Mark, ProviderError, ServiceId,
};

use crate::domain;
use crate::error::malformed;
use crate::fleet::Fleet;
use crate::handle::Handle;
use crate::infra::Railway;
use crate::placement::{Home, Placement};
use crate::wire::{Project, ServiceInstance, VolumeInstance};

impl Railway {
    pub(crate) async fn every(&self, cx: &Context) -> Result<Vec<ListedInstance>, ProviderError> {
        match &self.placement {
            Placement::Shared(shared) => {
                let home = shared.find(cx, &self.client).await?;
                let fleet = self
                    .client
                    .fleet(cx, Some(&home.project), &home.environment)
                    .await?;
                let mut listed = services(cx.mark(), home, &fleet)?;
                listed.extend(lost_volumes(cx.mark(), home, &fleet)?);
                Ok(listed)
            }
            Placement::Own { workspace, .. } => {
                let projects = self.client.projects(cx, workspace).await?;
                let mut listed = Vec::new();
                for project in projects {
                    let ours = cx.mark().instance(&project.name);
                    if let (Some(instance), None) = (ours, project.deleted_at) {
                        listed.push(self.of_project(cx, instance, project).await?);
                    }
                }
                Ok(listed)
            }
        }
    }

    /// The instance of a project. If its creation did not get as far as a service, the project's id is used instead,
    /// so that the project can be found and destroyed.
    async fn of_project(
        &self,
        cx: &Context,
        instance: InstanceId,
        project: Project,
    ) -> Result<ListedInstance, ProviderError> {
        let (id, created_at) = (project.id.clone(), project.created_at);
        let environment = project.into_environment(cx.mark(), &cx.mark().label(&instance))?;
        let mut home = Home {
            project: id.clone(),
            environment: String::new(),
        };
        if let Some(environment) = environment {
            home.environment.clone_from(&environment.id);
            let fleet = self.client.rest(cx, environment).await?;
            let mut inside = services(cx.mark(), &home, &fleet)?.into_iter();
            if let Some(listed) = inside.find(|listed| listed.handle.instance == instance) {
                return Ok(listed);
            }
        }
        Ok(ListedInstance {
            handle: Handle::new(instance, stand_in(&id)?, &home).write()?,
            status: None,
            detail: None,
            url: None,
            created_at: Some(created_at),
            image_digest: None,
        })
    }
}

/// Every service with our mark.
fn services(mark: &Mark, home: &Home, fleet: &Fleet) -> Result<Vec<ListedInstance>, ProviderError> {
    let mounted: HashMap<&ServiceId, &VolumeInstance> = fleet
        .volumes
        .iter()
        .filter_map(|volume| Some((volume.service_id.as_ref()?, volume)))
        .collect();
    let listed = |service: &ServiceInstance| {
        let instance = mark.instance(&service.service_name)?;
        let volume = mounted.get(&service.service_id);
        let handle = Handle {
            volume: volume.map(|volume| volume.volume_id.clone()),
            image: service.source.as_ref().and_then(|from| from.image.clone()),
            ..Handle::new(instance, service.service_id.clone(), home)
        };
        Some(handle.write().map(|handle| ListedInstance {
            handle,
            status: service.status(),
            detail: service.detail(),
            url: service.domain().and_then(domain::url),
            created_at: Some(service.created_at),
            image_digest: None,
        }))
    };
    fleet.services.iter().filter_map(listed).collect()
}

/// Volumes of ours that lost their service: each would cost money forever. The volume's id is used instead of the
/// service's, and the status is [`DeployStatus::Removed`].
fn lost_volumes(
    mark: &Mark,
    home: &Home,
    fleet: &Fleet,
) -> Result<Vec<ListedInstance>, ProviderError> {
    fleet
        .volumes
        .iter()
        .filter(|volume| volume.service_id.is_none() && fleet.named(volume.name()).is_none())
        .filter_map(|volume| Some((volume, mark.instance(volume.name())?)))
        .map(|(volume, instance)| {
            Ok(ListedInstance {
                handle: Handle {
                    volume: Some(volume.volume_id.clone()),
                    ..Handle::new(instance, stand_in(&volume.volume_id)?, home)
                }
                .write()?,
                status: Some(DeployStatus::Removed),
                detail: Some("its service is gone, and its volume is left".to_owned()),
                url: None,
                created_at: Some(volume.created_at),
                image_digest: None,
            })
        })
        .collect()
}

fn stand_in(id: &str) -> Result<ServiceId, ProviderError> {
    id.parse().map_err(|_| malformed("answered an unusable id"))
}
