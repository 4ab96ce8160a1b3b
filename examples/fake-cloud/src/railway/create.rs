//! Creation of projects, environments, services and volumes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::access::Caller;
use super::message::{ENVIRONMENT_QUOTA, PLAN_LIMIT, PROJECT_QUOTA, Refusal, VOLUME_QUOTA};
use super::state::{Instance, Service, State, Volume, VolumeInstance};
use crate::launcher::Slot;
use crate::time;

/// The environments of a new volume: absent means all of them, null means none [S].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Within {
    All,
    None,
    One(String),
}

/// The members of a new service.
#[derive(Debug, Default)]
pub(crate) struct NewService {
    pub(crate) project_id: String,
    pub(crate) environment_id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) image: Option<String>,
    pub(crate) variables: BTreeMap<String, String>,
}

impl State {
    /// Names have at most 32 characters and no capitals [U]. The environment is created with it [U].
    pub(crate) fn create_project(
        &mut self,
        caller: &Caller,
        name: Option<String>,
        environment: Option<String>,
        workspace: Option<String>,
    ) -> Result<String, Refusal> {
        caller.whole_workspace()?;
        let name = name.unwrap_or_else(|| self.ids.word(10));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || " -_.".contains(c);
        if name.is_empty() || name.len() > 32 || !name.chars().all(plain) {
            return Err(Refusal::new("Invalid project name"));
        }
        match workspace {
            // An account has several workspaces, so the request must name one [U].
            None if *caller == Caller::Account => {
                return Err(Refusal::new(
                    "You must specify a workspaceId to create a project",
                ));
            }
            Some(id) if id != self.workspace_id => return Err(Refusal::not_authorized()),
            None | Some(_) => {}
        }
        self.project_quota
            .pass(self.options.project_gap_ms, PROJECT_QUOTA)?;
        let id = self.add_project(name, self.workspace_id.clone());
        self.add_environment(
            &id,
            environment.unwrap_or_else(|| "production".into()),
            false,
        );
        Ok(id)
    }

    /// A copy of another environment is a fork and gets its services; other environments get none.
    pub(crate) fn create_environment(
        &mut self,
        caller: &Caller,
        project_id: &str,
        name: String,
        source: Option<String>,
    ) -> Result<String, Refusal> {
        self.project(caller, project_id)?;
        caller.whole_workspace()?;
        let mut own = self
            .environments
            .iter()
            .filter(|e| e.project_id == project_id);
        if own.any(|environment| environment.name == name) {
            return Err(Refusal::new("An environment with this name already exists"));
        }
        if let Some(source) = &source {
            self.environment(caller, source)?;
        }
        self.environment_quota
            .pass(self.options.project_gap_ms, ENVIRONMENT_QUOTA)?;
        let id = self.add_environment(project_id, name, source.is_some());
        let copied = self
            .instances
            .iter()
            .filter(|i| Some(&i.environment_id) == source.as_ref());
        let copied: Vec<_> = copied
            .map(|i| (i.service_id.clone(), i.config.clone()))
            .collect();
        for (service, config) in copied {
            self.add_instance(&service, &id, config);
        }
        Ok(id)
    }

    /// A service created in a fork exists only there. Otherwise it exists in all environments that are not
    /// forks, regardless of `environmentId` [S]. A source is deployed immediately [U]. Names are unique in a project [O];
    /// the answer to a duplicate is not documented [?].
    pub(crate) fn create_service(
        &mut self,
        caller: &Caller,
        new: NewService,
    ) -> Result<String, Refusal> {
        self.project(caller, &new.project_id)?;
        let fork = match &new.environment_id {
            Some(id) => self.environment(caller, id)?.fork,
            None => false,
        };
        let id = self.ids.uuid();
        let name = new.name.unwrap_or_else(|| format!("service-{}", &id[..8]));
        self.check_service(&new.project_id, &name)?;
        self.services.push(Service {
            id: id.clone(),
            seq: self.ids.next(),
            project_id: new.project_id.clone(),
            name,
            created_at: time::now(),
            hidden: self.options.list_pace.start(),
            ready: self.options.ready_pace.start(),
        });
        let into = |environment: &&super::state::Environment| match (&new.environment_id, fork) {
            (Some(id), true) => &environment.id == id,
            (None, _) | (Some(_), false) => {
                environment.project_id == new.project_id && !environment.fork
            }
        };
        let environments: Vec<_> = self
            .environments
            .iter()
            .filter(into)
            .map(|e| e.id.clone())
            .collect();
        let variables = new
            .variables
            .iter()
            .map(|(name, value)| (name.clone(), json!({"value": value})));
        let mut config = json!({"variables": Value::Object(variables.collect())});
        if let Some(image) = &new.image {
            config["source"] = json!({"image": image});
        }
        for environment in environments {
            self.add_instance(&id, &environment, config.clone());
            if new.image.is_some() {
                self.deploy(&id, &environment)?;
            }
        }
        Ok(id)
    }

    fn check_service(&self, project_id: &str, name: &str) -> Result<(), Refusal> {
        let own = || {
            self.services
                .iter()
                .filter(|service| service.project_id == project_id)
        };
        if own().any(|service| service.name == name) {
            return Err(Refusal::new(format!(
                "A service named \"{name}\" already exists in this project"
            )));
        }
        // At most 32 characters [D].
        if name.is_empty() || name.len() > 32 {
            return Err(Refusal::new("Invalid service name"));
        }
        match self.options.services_per_project {
            Some(most) if own().count() >= most => Err(Refusal::new(PLAN_LIMIT)),
            Some(_) | None => Ok(()),
        }
    }

    fn add_instance(&mut self, service_id: &str, environment_id: &str, config: Value) {
        self.instances.push(Instance {
            id: self.ids.uuid(),
            seq: self.ids.next(),
            service_id: service_id.to_owned(),
            environment_id: environment_id.to_owned(),
            created_at: time::now(),
            config,
            slot: Arc::new(Slot::default()),
        });
    }

    /// The vendor chooses the name [S]. A second volume of a service is accepted and breaks
    /// its deployments, as at the vendor [O].
    pub(crate) fn create_volume(
        &mut self,
        caller: &Caller,
        project_id: &str,
        service_id: Option<String>,
        within: Within,
        mount_path: String,
    ) -> Result<String, Refusal> {
        self.project(caller, project_id)?;
        if !mount_path.starts_with('/') {
            return Err(Refusal::new(
                "Invalid mount path: Expected an absolute path",
            ));
        }
        if let Some(service) = &service_id {
            self.service(caller, service)?;
        }
        let environments: Vec<String> = match within {
            Within::None => Vec::new(),
            Within::One(id) => vec![self.environment(caller, &id)?.id.clone()],
            Within::All => {
                let own = self
                    .environments
                    .iter()
                    .filter(|e| e.project_id == project_id);
                own.map(|environment| environment.id.clone()).collect()
            }
        };
        let alive = |v: &&Volume| v.project_id == project_id && v.deleted_at.is_none();
        if self.volumes.iter().filter(alive).count() >= self.options.volumes_per_project {
            return Err(Refusal::new(PLAN_LIMIT));
        }
        self.volume_quota
            .pass(self.options.volume_gap_ms, VOLUME_QUOTA)?;
        let id = self.ids.uuid();
        self.volumes.push(Volume {
            id: id.clone(),
            seq: self.ids.next(),
            project_id: project_id.to_owned(),
            name: format!("volume-{}", self.ids.word(6)),
            created_at: time::now(),
            hidden: self.options.list_pace.start(),
            ready: self.options.ready_pace.start(),
            deleted_at: None,
        });
        for environment_id in environments {
            self.volume_instances.push(VolumeInstance {
                id: self.ids.uuid(),
                seq: self.ids.next(),
                volume_id: id.clone(),
                environment_id,
                service_id: service_id.clone(),
                mount_path: mount_path.clone(),
            });
        }
        Ok(id)
    }
}
