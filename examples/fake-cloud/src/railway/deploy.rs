//! Deployments: created from the instance's current settings, they pass their stages one by one, then a
//! container runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::DeploymentStatus as Status;
use super::access::Caller;
use super::message::{IN_FLIGHT, MOUNTED_TWICE, NO_SNAPSHOT, Refusal};
use super::reference::evaluate_all;
use super::state::{Deployment, Instance, Snapshot, State};
use crate::launcher::{Container, Running, Slot};
use crate::time;

/// A container to start for a deployment.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) deployment: String,
    pub(crate) container: Container,
}

impl Status {
    /// Whether it is in progress; a redeployment is refused meanwhile [U].
    pub(crate) const fn in_flight(self) -> bool {
        matches!(self, Self::Queued | Self::Building | Self::Deploying)
    }

    /// The stage after this one, before the container is started.
    fn next_stage(self) -> Option<Self> {
        if self == Self::Queued {
            Some(Self::Building)
        } else {
            (self == Self::Building).then_some(Self::Deploying)
        }
    }
}

impl State {
    /// Deploys the instance's current settings. Returns the ID of the deployment.
    pub(crate) fn deploy(
        &mut self,
        service_id: &str,
        environment_id: &str,
    ) -> Result<String, Refusal> {
        let place = self.instance_place(service_id, environment_id);
        let place = place.ok_or_else(|| Refusal::not_found("ServiceInstance"))?;
        let config = &self.instances[place].config;
        let Some(image) = config["source"]["image"].as_str().map(str::to_owned) else {
            return Err(Refusal::new("Expected the service to have a source"));
        };
        let start_command = config["deploy"]["startCommand"].as_str().map(str::to_owned);
        let limits = config["deploy"]["limitOverride"]["containers"].clone();
        if self.mounted_twice(service_id, environment_id) {
            return Err(Refusal::new(MOUNTED_TWICE));
        }
        let variables = self.boot_variables(place);
        Ok(self.add_deployment(
            place,
            Snapshot {
                image,
                start_command,
                variables,
                limits,
            },
        ))
    }

    /// Deploys the last snapshot with the current variables. It does not pull a new image: "Railway served
    /// the cached old image" [U].
    pub(crate) fn redeploy(
        &mut self,
        service_id: &str,
        environment_id: &str,
    ) -> Result<String, Refusal> {
        let place = self.instance_place(service_id, environment_id);
        let place = place.ok_or_else(|| Refusal::not_found("ServiceInstance"))?;
        let last = self
            .latest(service_id, environment_id)
            .ok_or_else(|| Refusal::new(NO_SNAPSHOT))?;
        if last.status.in_flight() {
            return Err(Refusal::new(IN_FLIGHT));
        }
        let variables = self.boot_variables(place);
        let snapshot = Snapshot {
            variables,
            ..last.snapshot.clone()
        };
        Ok(self.add_deployment(place, snapshot))
    }

    fn add_deployment(&mut self, place: usize, snapshot: Snapshot) -> String {
        let id = self.ids.uuid();
        let instance = &self.instances[place];
        let project = self.services.iter().find(|s| s.id == instance.service_id);
        self.deployments.push(Deployment {
            id: id.clone(),
            seq: self.ids.next(),
            service_id: instance.service_id.clone(),
            environment_id: instance.environment_id.clone(),
            project_id: project
                .map(|service| service.project_id.clone())
                .unwrap_or_default(),
            status: Status::Queued,
            stopped: false,
            created_at: time::now(),
            changed_at: time::now(),
            snapshot,
            progress: self.options.stage_pace.start(),
            launching: false,
            logs: Vec::new(),
        });
        id
    }

    /// The service's variables, including sealed ones, and the vendor's own.
    fn boot_variables(&self, place: usize) -> BTreeMap<String, String> {
        let instance = &self.instances[place];
        let mut variables = evaluate_all(
            &own_variables(instance),
            &self.options.shared_variables,
            &self.variables_by_service(&instance.environment_id),
        );
        let mut add = |name: &str, value: String| drop(variables.insert(name.to_owned(), value));
        add("RAILWAY_SERVICE_ID", instance.service_id.clone());
        add("RAILWAY_ENVIRONMENT_ID", instance.environment_id.clone());
        // Missing if the domain was created after the first deployment [U].
        if let Some(url) = self.url_of(&instance.service_id, &instance.environment_id) {
            add(
                "RAILWAY_PUBLIC_DOMAIN",
                url.trim_start_matches("http://").to_owned(),
            );
        }
        let mut volumes = self.volume_instances.iter();
        if let Some(volume) = volumes.find(|v| v.service_id.as_ref() == Some(&instance.service_id))
        {
            add("RAILWAY_VOLUME_MOUNT_PATH", volume.mount_path.clone());
        }
        variables
    }

    fn variables_by_service(
        &self,
        environment_id: &str,
    ) -> BTreeMap<String, BTreeMap<String, String>> {
        let here = self
            .instances
            .iter()
            .filter(|instance| instance.environment_id == environment_id);
        here.filter_map(|instance| {
            let mut services = self.services.iter();
            let service = services.find(|service| service.id == instance.service_id)?;
            Some((service.name.clone(), own_variables(instance)))
        })
        .collect()
    }

    /// Whether two volumes of a service are mounted at the same path.
    fn mounted_twice(&self, service_id: &str, environment_id: &str) -> bool {
        let live = |id: &str| {
            let mut volumes = self.volumes.iter();
            volumes.any(|volume| volume.id == id && volume.deleted_at.is_none())
        };
        let mounted = self.volume_instances.iter().filter(|volume| {
            volume.service_id.as_deref() == Some(service_id)
                && volume.environment_id == environment_id
                && live(&volume.volume_id)
        });
        let paths: Vec<&str> = mounted.map(|volume| volume.mount_path.as_str()).collect();
        let different: std::collections::HashSet<&str> = paths.iter().copied().collect();
        different.len() < paths.len()
    }

    /// Advances every deployment that is due. Returns those that need a container.
    pub(crate) fn advance(&mut self, read: ReadCount) -> Vec<Launch> {
        let pace = self.options.stage_pace;
        let mut launches = Vec::new();
        for place in 0..self.deployments.len() {
            let deployment = &mut self.deployments[place];
            if read == ReadCount::One && deployment.status.in_flight() {
                deployment.progress.read();
            }
            while deployment.status.in_flight()
                && !deployment.launching
                && deployment.progress.done()
            {
                deployment.progress = pace.start();
                match deployment.status.next_stage() {
                    Some(stage) => deployment.become_now(stage),
                    None => deployment.launching = true,
                }
            }
            if self.deployments[place].launching {
                launches.extend(self.launch(place));
            }
        }
        launches
    }

    /// The container to start for a deployment that passed its stages, or its failure.
    fn launch(&mut self, place: usize) -> Option<Launch> {
        let deployment = &self.deployments[place];
        let mounted = self.volume_instances.iter().filter(|volume| {
            let alive = self
                .volumes
                .iter()
                .any(|v| v.id == volume.volume_id && v.deleted_at.is_none());
            alive
                && volume.service_id.as_ref() == Some(&deployment.service_id)
                && volume.environment_id == deployment.environment_id
        });
        let broken = (mounted.count() > 1).then_some(Status::Failed); // a second volume breaks it [O]
        let doomed = self.doomed.get(&deployment.snapshot.image).copied();
        let name = self
            .services
            .iter()
            .find(|service| service.id == deployment.service_id);
        let name = name.map(|service| service.name.clone()).unwrap_or_default();
        let deployment = &mut self.deployments[place];
        if let Some(end) = broken.or(doomed) {
            deployment.launching = false;
            deployment.become_now(end);
            return None;
        }
        deployment.progress = crate::Pace::Millis(u64::from(u32::MAX)).start();
        let launch = Launch {
            deployment: deployment.id.clone(),
            container: Container {
                service_name: name,
                image: deployment.snapshot.image.clone(),
                start_command: deployment.snapshot.start_command.clone(),
                variables: deployment.snapshot.variables.clone(),
            },
        };
        deployment.launching = false;
        Some(launch)
    }

    /// Records that the container of a deployment runs, or could not be started.
    pub(crate) fn launched(&mut self, id: &str, running: std::io::Result<Box<dyn Running>>) {
        let Some(place) = self
            .deployments
            .iter()
            .position(|deployment| deployment.id == id)
        else {
            return; // deleted meanwhile; the container is dropped here, which stops it
        };
        let deployment = &self.deployments[place];
        if !deployment.status.in_flight() {
            return;
        }
        let (service, environment) = (
            deployment.service_id.clone(),
            deployment.environment_id.clone(),
        );
        let Ok(running) = running else {
            return self.deployments[place].become_now(Status::Crashed);
        };
        let runs = |other: &Deployment| {
            other.service_id == service
                && other.environment_id == environment
                && other.status == Status::Success
        };
        if self.deployments[place + 1..].iter().any(runs) {
            // A newer deployment was faster. This container is dropped here, which stops it.
            return self.deployments[place].become_now(Status::Removed);
        }
        let older = self.deployments[..place].iter_mut();
        for other in older.filter(|other| runs(other)) {
            other.become_now(Status::Removed);
        }
        if let Some(slot) = self.slot(&service, &environment) {
            slot.put(running);
        }
        tracing::debug!(deployment = id, "container started");
        self.deployments[place].become_now(Status::Success);
    }

    /// Crashes the containers of a service.
    pub(crate) fn crash(&mut self, name: &str) {
        let named = self.services.iter().filter(|service| service.name == name);
        let ids: Vec<String> = named.map(|service| service.id.clone()).collect();
        for instance in self
            .instances
            .iter()
            .filter(|i| ids.contains(&i.service_id))
        {
            instance.slot.clear();
        }
        for deployment in self
            .deployments
            .iter_mut()
            .filter(|d| ids.contains(&d.service_id))
        {
            if deployment.status == Status::Success {
                deployment.become_now(Status::Crashed);
            }
        }
    }

    pub(crate) fn write_log(&mut self, service_id: &str, line: &str) {
        let mut newest = self.deployments.iter_mut().rev();
        if let Some(deployment) = newest.find(|deployment| deployment.service_id == service_id) {
            deployment.logs.push((time::now(), line.to_owned()));
        }
    }

    pub(crate) fn slot(&self, service_id: &str, environment_id: &str) -> Option<Arc<Slot>> {
        let place = self.instance_place(service_id, environment_id)?;
        Some(Arc::clone(&self.instances[place].slot))
    }

    /// Stops the container of a deployment. The deployment keeps its status [D] or is removed with it.
    pub(crate) fn halt(
        &mut self,
        caller: &Caller,
        id: &str,
        status: Option<Status>,
    ) -> Result<(), Refusal> {
        let place = self.deployment(caller, id)?;
        let deployment = &self.deployments[place];
        if deployment.status == Status::Success
            && let Some(slot) = self.slot(&deployment.service_id, &deployment.environment_id)
        {
            slot.clear();
        }
        let deployment = &mut self.deployments[place];
        deployment.stopped = true;
        if let Some(status) = status {
            deployment.become_now(status);
        }
        Ok(())
    }
}

/// The variables of a service, with unresolved references.
fn own_variables(instance: &Instance) -> BTreeMap<String, String> {
    let variables = instance.config["variables"].as_object();
    let variables = variables.into_iter().flatten();
    variables
        .filter_map(|(name, set)| Some((name.clone(), set["value"].as_str()?.to_owned())))
        .collect()
}

/// Whether a query of the deployments counts as a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadCount {
    One,
    None,
}

impl Deployment {
    pub(crate) fn become_now(&mut self, status: Status) {
        self.status = status;
        self.changed_at = time::now();
        let line = format!("deployment is {}", status.word());
        self.logs.push((self.changed_at.clone(), line));
    }
}
