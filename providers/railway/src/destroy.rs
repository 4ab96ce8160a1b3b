//! Removing an instance with all that it has.
//!
//! Railway answers the same to asking for what is gone and for what we may not touch, so that every
//! removal begins with a look that a revoked token cannot have: what is missing in it is gone, and what
//! is there and cannot be removed is an error.

use agent_pool_core::{Context, InstanceId, Mark, ProviderError};

use crate::error::{Absence, Failure};
use crate::fleet::Fleet;
use crate::handle::Handle;
use crate::infra::Railway;
use crate::placement::Placement;

/// What has to be removed for an instance to be gone.
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
                removed(outcome, Seen::There)
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

    /// A project is the instance's own only if it bears its label, or the name that the Node.js original gave it: a
    /// handle may be from a time when the settings put all instances into one project, and that one must never be
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

    /// Whether a project may still be there: whether the workspace lists it, where we know one.
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

    /// Volumes first: a volume without its service costs on. What the handle names is deleted even if
    /// it is not listed, because lists lag behind what was just made.
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
            let seen = Seen::when(listed.any(|volume| volume.volume_id == id));
            removed(self.client.volume_delete(cx, id).await, seen)?;
        }
        let mut listed = fleet.services.iter();
        let seen = Seen::when(listed.any(|service| service.service_id == handle.service));
        removed(self.client.service_delete(cx, handle).await, seen)
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
    const fn when(there: bool) -> Self {
        if there { Self::There } else { Self::Gone }
    }
}

/// Whether a resource is gone, according to the answer to its removal and the lookup before.
fn removed(outcome: Result<(), Failure>, seen: Seen) -> Result<(), ProviderError> {
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
