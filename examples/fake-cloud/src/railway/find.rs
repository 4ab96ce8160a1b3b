//! Finding rows for a caller: unknown ids are not found, deleted ones and others' are not authorised.

use super::access::Caller;
use super::message::Refusal;
use super::state::{Deployment, Environment, Instance, Project, Service, State, Volume};

impl State {
    fn missing(&self, what: &str, id: &str) -> Refusal {
        if self.gone.contains(id) {
            // A deleted resource answers like one without access [O].
            Refusal::new(self.options.gone_message.clone())
        } else {
            Refusal::not_found(what)
        }
    }

    pub(crate) fn project(&self, caller: &Caller, id: &str) -> Result<&Project, Refusal> {
        let found = self.projects.iter().find(|project| project.id == id);
        let found = found.ok_or_else(|| self.missing("Project", id))?;
        if caller.sees_project(id) {
            Ok(found)
        } else {
            Err(Refusal::not_authorized())
        }
    }

    pub(crate) fn environment(&self, caller: &Caller, id: &str) -> Result<&Environment, Refusal> {
        let found = self
            .environments
            .iter()
            .find(|environment| environment.id == id);
        let found = found.ok_or_else(|| self.missing("Environment", id))?;
        self.project(caller, &found.project_id)?;
        if caller.sees_environment(id) {
            Ok(found)
        } else {
            Err(Refusal::not_authorized())
        }
    }

    pub(crate) fn service(&self, caller: &Caller, id: &str) -> Result<&Service, Refusal> {
        let found = self.services.iter().find(|service| service.id == id);
        let found = found.ok_or_else(|| self.missing("Service", id))?;
        self.project(caller, &found.project_id)?;
        Ok(found)
    }

    /// The index of a service's instance in an environment.
    pub(crate) fn instance(
        &self,
        caller: &Caller,
        service_id: &str,
        environment_id: &str,
    ) -> Result<usize, Refusal> {
        self.service(caller, service_id)?;
        self.environment(caller, environment_id)?;
        let place = self.instance_place(service_id, environment_id);
        place.ok_or_else(|| Refusal::not_found("ServiceInstance"))
    }

    /// Refuses a change of a service that is not ready yet [O].
    pub(crate) fn ready_service(&mut self, id: &str) -> Result<(), Refusal> {
        let mut services = self.services.iter_mut();
        let service = services.find(|service| service.id == id);
        if service.is_some_and(|service| !service.ready.read()) {
            return Err(Refusal::not_found("ServiceInstance"));
        }
        Ok(())
    }

    pub(crate) fn instance_place(&self, service_id: &str, environment_id: &str) -> Option<usize> {
        let here = |instance: &Instance| {
            instance.service_id == service_id && instance.environment_id == environment_id
        };
        self.instances.iter().position(here)
    }

    /// The index of a volume that is not being deleted.
    pub(crate) fn volume(&self, caller: &Caller, id: &str) -> Result<usize, Refusal> {
        let place = self
            .volumes
            .iter()
            .position(|volume: &Volume| volume.id == id);
        let place = place.ok_or_else(|| self.missing("Volume", id))?;
        self.project(caller, &self.volumes[place].project_id)?;
        if self.volumes[place].deleted_at.is_some() {
            return Err(Refusal::new(self.options.gone_message.clone()));
        }
        Ok(place)
    }

    pub(crate) fn deployment(&self, caller: &Caller, id: &str) -> Result<usize, Refusal> {
        let place = self
            .deployments
            .iter()
            .position(|deployment| deployment.id == id);
        let place = place.ok_or_else(|| self.missing("Deployment", id))?;
        self.environment(caller, &self.deployments[place].environment_id)?;
        Ok(place)
    }

    /// The newest deployment of an instance; none before the first one.
    pub(crate) fn latest(&self, service_id: &str, environment_id: &str) -> Option<&Deployment> {
        let mut newest_first = self.deployments.iter().rev();
        newest_first.find(|deployment| {
            deployment.service_id == service_id && deployment.environment_id == environment_id
        })
    }
}
