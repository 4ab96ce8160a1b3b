//! The rows of the fake Railway.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::edge::EdgeMeter;
use super::quota::Quota;
use super::{DeploymentStatus, RailwayOptions};
use crate::ids::Ids;
use crate::launcher::{Edge, Slot};
use crate::pace::Countdown;
use crate::time;

/// The state as resolvers get it.
pub(crate) type Shared = Arc<Mutex<State>>;

#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) name: String,
    pub(crate) workspace_id: String,
    pub(crate) created_at: String,
    pub(crate) hidden: Countdown,
}

#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) project_id: String,
    pub(crate) name: String,
    /// Copied from another environment: a service created in it exists in no other.
    pub(crate) fork: bool,
    pub(crate) created_at: String,
}

#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) project_id: String,
    pub(crate) name: String,
    pub(crate) created_at: String,
    pub(crate) hidden: Countdown,
    /// Until it is ready, changes of it are answered "not found".
    pub(crate) ready: Countdown,
}

/// A service in one environment.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) service_id: String,
    pub(crate) environment_id: String,
    pub(crate) created_at: String,
    /// Its block of `EnvironmentConfig`: source, deploy, variables, …
    pub(crate) config: Value,
    pub(crate) slot: Arc<Slot>,
}

#[derive(Debug)]
pub(crate) struct Volume {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) project_id: String,
    pub(crate) name: String,
    pub(crate) created_at: String,
    pub(crate) hidden: Countdown,
    /// As with services.
    pub(crate) ready: Countdown,
    /// When its deletion was requested; it is still listed [S].
    pub(crate) deleted_at: Option<String>,
}

/// A volume in one environment.
#[derive(Debug)]
pub(crate) struct VolumeInstance {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) volume_id: String,
    pub(crate) environment_id: String,
    /// `None` after its service was deleted [S].
    pub(crate) service_id: Option<String>,
    pub(crate) mount_path: String,
}

#[derive(Debug)]
pub(crate) struct Domain {
    pub(crate) id: String,
    pub(crate) service_id: String,
    pub(crate) environment_id: String,
    pub(crate) target_port: Option<i32>,
    pub(crate) host: String,
    pub(crate) edge: Edge,
}

/// The settings that a deployment was created from.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) image: String,
    pub(crate) start_command: Option<String>,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) limits: Value,
}

#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) service_id: String,
    pub(crate) environment_id: String,
    pub(crate) project_id: String,
    pub(crate) status: DeploymentStatus,
    pub(crate) stopped: bool,
    pub(crate) created_at: String,
    pub(crate) changed_at: String,
    pub(crate) snapshot: Snapshot,
    pub(crate) progress: Countdown,
    /// Its container is being started.
    pub(crate) launching: bool,
    pub(crate) logs: Vec<(String, String)>,
}

/// The state of this Railway.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) options: RailwayOptions,
    pub(crate) ids: Ids,
    pub(crate) workspace_id: String,
    pub(crate) projects: Vec<Project>,
    pub(crate) environments: Vec<Environment>,
    pub(crate) services: Vec<Service>,
    pub(crate) instances: Vec<Instance>,
    pub(crate) volumes: Vec<Volume>,
    pub(crate) volume_instances: Vec<VolumeInstance>,
    pub(crate) domains: Vec<Domain>,
    pub(crate) deployments: Vec<Deployment>,
    /// IDs of deleted resources: their answer differs from that of an unknown ID.
    pub(crate) gone: std::collections::HashSet<String>,
    pub(crate) project_quota: Quota,
    pub(crate) environment_quota: Quota,
    pub(crate) volume_quota: Quota,
    pub(crate) edge: EdgeMeter,
    /// The environments with a change in progress.
    pub(crate) changing: std::collections::HashSet<String>,
    /// Images whose deployments fail, with their final status.
    pub(crate) doomed: HashMap<String, DeploymentStatus>,
    /// The project and environment that the project token belongs to.
    pub(crate) first: (String, String),
}

impl State {
    /// One workspace, one project `agents` with the environment `production`.
    pub(crate) fn new(options: RailwayOptions, seed: u64) -> Self {
        let mut ids = Ids::new(seed);
        let workspace_id = ids.uuid();
        let mut state = Self {
            options,
            workspace_id: workspace_id.clone(),
            ids,
            projects: Vec::new(),
            environments: Vec::new(),
            services: Vec::new(),
            instances: Vec::new(),
            volumes: Vec::new(),
            volume_instances: Vec::new(),
            domains: Vec::new(),
            deployments: Vec::new(),
            gone: std::collections::HashSet::new(),
            project_quota: Quota::default(),
            environment_quota: Quota::default(),
            volume_quota: Quota::default(),
            edge: EdgeMeter::default(),
            changing: std::collections::HashSet::new(),
            doomed: HashMap::new(),
            first: Default::default(),
        };
        let project = state.add_project("agents".into(), workspace_id);
        let environment = state.add_environment(&project, "production".into(), false);
        state.first = (project, environment);
        state
    }

    pub(crate) fn add_project(&mut self, name: String, workspace_id: String) -> String {
        let id = self.ids.uuid();
        self.projects.push(Project {
            id: id.clone(),
            seq: self.ids.next(),
            name,
            workspace_id,
            created_at: time::now(),
            hidden: self.options.list_pace.start(),
        });
        id
    }

    pub(crate) fn add_environment(&mut self, project_id: &str, name: String, fork: bool) -> String {
        let id = self.ids.uuid();
        self.environments.push(Environment {
            id: id.clone(),
            seq: self.ids.next(),
            project_id: project_id.to_owned(),
            name,
            fork,
            created_at: time::now(),
        });
        id
    }
}
