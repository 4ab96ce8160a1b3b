//! Removes an instance with everything that belongs to it.
//!
//! Railway gives the same answer for a resource that is gone and for one that we may not access. Therefore every
//! removal begins with a lookup that fails with a revoked token: a resource that the lookup lacks is gone, and one
//! that exists and cannot be removed is an error.

use agent_pool_core::{Context, InstanceId, Mark, ProviderError};

use crate::error::{Absence, Failure};
use crate::fleet::Fleet;
use crate::handle::Handle;
use crate::infra::Railway;
use crate::placement::Placement;

/// The resources to remove until an instance is gone.
enum Remains {
    /// Nothing.
    Nothing,
    /// The project of this id, which is the instance's own.
    Project(String),
    /// Its service and volumes, in a project with others.
    Parts(Fleet),
}

impl Railway {
    pub(crate) async fn remove(&self, cx: &Context, handle: &Handle) -> Result<(), ProviderError> {
        match self.remains(cx, handle).await? {
            Remains::Nothing => Ok(()),
            Remains::Project(id) => {
                let outcome = self.client.project_delete(cx, &id).await;
                removal_result(outcome, Seen::There)
            }
            Remains::Parts(fleet) => self.remove_parts(cx, handle, &fleet).await,
        }
    }

    async fn remains(&self, cx: &Context, handle: &Handle) -> Result<Remains, ProviderError> {
        match &handle.project {
            Some(project) if !self.is_shared(cx, project).await? => {
                self.remains_of_project(cx, handle, project).await
            }
            Some(_) | None => self.remaining_parts(cx, handle).await,
        }
    }

    async fn is_shared(&self, cx: &Context, project: &str) -> Result<bool, ProviderError> {
        match &self.placement {
            Placement::Shared(shared) => {
                let home = shared.find(cx, &self.client).await?;
                Ok(home.project == project)
            }
            Placement::Own { .. } => Ok(false),
        }
    }

    /// A project is the instance's own only if it has its label, or the name that the Node.js original gave it: a
    /// handle may be from a time when the settings put all instances into one project, and that project must never be
    /// deleted.
    async fn remains_of_project(
        &self,
        cx: &Context,
        handle: &Handle,
        project: &str,
    ) -> Result<Remains, ProviderError> {
        match self.client.project(cx, project).await {
            Ok(found) if found.deleted_at.is_some() => Ok(Remains::Nothing),
            Ok(found) if is_own(cx.mark(), &handle.instance, &found.name) => {
                Ok(Remains::Project(project.to_owned()))
            }
            Ok(_) => self.remaining_parts(cx, handle).await,
            Err(failure) => {
                let gone = match failure.absence {
                    Absence::Stated => true,
                    Absence::Possible => !self.lists(cx, project).await?,
                    Absence::No => false,
                };
                if gone {
                    Ok(Remains::Nothing)
                } else {
                    Err(failure.error)
                }
            }
        }
    }

    /// Whether a project may still exist: whether the workspace lists it, if we know one.
    async fn lists(&self, cx: &Context, project: &str) -> Result<bool, ProviderError> {
        match &self.placement {
            Placement::Own { workspace, .. } => {
                let projects = self.client.projects(cx, workspace).await?;
                Ok(projects.iter().any(|listed| listed.id == project))
            }
            Placement::Shared(_) => Ok(true),
        }
    }

    async fn remaining_parts(
        &self,
        cx: &Context,
        handle: &Handle,
    ) -> Result<Remains, ProviderError> {
        match self
            .client
            .fleet(cx, handle.project.as_deref(), &handle.environment)
            .await
        {
            Ok(fleet) => Ok(Remains::Parts(fleet)),
            Err(failure) if failure.absence == Absence::Stated => {
                Ok(Remains::Parts(Fleet::default()))
            }
            Err(failure) => Err(failure.error),
        }
    }

    /// Volumes first: a volume without its service continues to cost money. Resources that the handle names are
    /// deleted even if they are not listed, because lists lag behind creations.
    async fn remove_parts(
        &self,
        cx: &Context,
        handle: &Handle,
        fleet: &Fleet,
    ) -> Result<(), ProviderError> {
        let label = cx.mark().label(&handle.instance);
        let mut volumes: Vec<&str> = fleet
            .volumes_of(&handle.service, &label)
            .map(|volume| volume.volume_id.as_str())
            .collect();
        if let Some(known) = handle.volume.as_deref().filter(|id| !volumes.contains(id)) {
            volumes.push(known);
        }
        for id in volumes {
            let mut listed = fleet.volumes.iter();
            let seen = Seen::from_lookup(listed.any(|volume| volume.volume_id == id));
            removal_result(self.client.volume_delete(cx, id).await, seen)?;
        }
        let mut listed = fleet.services.iter();
        let seen = Seen::from_lookup(listed.any(|service| service.service_id == handle.service));
        removal_result(self.client.service_delete(cx, handle).await, seen)
    }
}

/// Whether a project of this name is the instance's own.
fn is_own(mark: &Mark, instance: &InstanceId, name: &str) -> bool {
    let by_the_original = name.strip_prefix("convos-agent-") == Some(instance.as_str());
    by_the_original || name == mark.label(instance)
}

/// Whether the lookup before a removal found the resource.
#[derive(Clone, Copy)]
enum Seen {
    There,
    Gone,
}

impl Seen {
    const fn from_lookup(there: bool) -> Self {
        if there { Self::There } else { Self::Gone }
    }
}

/// Whether a resource is gone, according to the answer to its removal and the lookup before it.
fn removal_result(outcome: Result<(), Failure>, seen: Seen) -> Result<(), ProviderError> {
    let Err(failure) = outcome else { return Ok(()) };
    match (failure.absence, seen) {
        (Absence::Stated, _) | (Absence::Possible, Seen::Gone) => Ok(()),
        (Absence::Possible, Seen::There) | (Absence::No, _) => Err(failure.error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_an_instances_own_by_our_name_or_by_that_of_the_original() {
        let mark = Mark::new(&"eu".parse().unwrap());
        let instance = "Ab_-3v9x0a1b".parse().unwrap();
        for own in ["ap-eu-Ab_-3v9x0a1b", "convos-agent-Ab_-3v9x0a1b"] {
            assert!(is_own(&mark, &instance, own), "{own}");
        }
        for other in [
            "ap-us-Ab_-3v9x0a1b",
            "convos-agent-k3v9x0a1b2c3",
            "convos-agent-",
            "agents",
        ] {
            assert!(!is_own(&mark, &instance, other), "{other}");
        }
    }
}
