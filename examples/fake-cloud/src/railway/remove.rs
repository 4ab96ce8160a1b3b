//! Deletion: volumes stay in lists for a while, services leave their volumes, projects delete everything in them.

use super::access::Caller;
use super::message::Refusal;
use super::state::State;
use crate::time;

impl State {
    /// Queues the deletion: the volume is listed as pending from now on [D][S].
    pub(crate) fn delete_volume(&mut self, caller: &Caller, id: &str) -> Result<(), Refusal> {
        let place = self.volume(caller, id)?;
        self.volumes[place].deleted_at = Some(time::now());
        Ok(())
    }

    pub(crate) fn rename_volume(
        &mut self,
        caller: &Caller,
        id: &str,
        name: Option<String>,
    ) -> Result<usize, Refusal> {
        let place = self.volume(caller, id)?;
        if !self.volumes[place].ready.read() {
            return Err(Refusal::not_found("Volume"));
        }
        if let Some(name) = name {
            self.volumes[place].name = name;
        }
        Ok(place)
    }

    /// With an environment only that instance is deleted, otherwise the service in all environments [O].
    /// Its volumes stay, detached (not documented [?]).
    pub(crate) fn delete_service(
        &mut self,
        caller: &Caller,
        id: &str,
        environment: Option<&str>,
    ) -> Result<(), Refusal> {
        self.service(caller, id)?;
        if let Some(environment) = environment {
            self.environment(caller, environment)?;
        } else if let Caller::Project { .. } = caller {
            return Err(Refusal::not_authorized());
        }
        self.drop_instances(|service, place| {
            service == id && environment.is_none_or(|e| e == place)
        });
        if !self
            .instances
            .iter()
            .any(|instance| instance.service_id == id)
        {
            self.services.retain(|service| service.id != id);
            self.gone.insert(id.to_owned());
        }
        Ok(())
    }

    pub(crate) fn delete_environment(&mut self, caller: &Caller, id: &str) -> Result<(), Refusal> {
        self.environment(caller, id)?;
        caller.whole_workspace()?;
        self.drop_environment(id);
        Ok(())
    }

    /// Immediate, including services and volumes [U].
    pub(crate) fn delete_project(&mut self, caller: &Caller, id: &str) -> Result<(), Refusal> {
        self.project(caller, id)?;
        caller.whole_workspace()?;
        let own = self
            .environments
            .iter()
            .filter(|environment| environment.project_id == id);
        let environments: Vec<String> = own.map(|environment| environment.id.clone()).collect();
        for environment in environments {
            self.drop_environment(&environment);
        }
        let services = self
            .services
            .iter()
            .filter(|s| s.project_id == id)
            .map(|s| s.id.clone());
        let volumes = self
            .volumes
            .iter()
            .filter(|v| v.project_id == id)
            .map(|v| v.id.clone());
        self.gone.extend(services.chain(volumes));
        self.gone.insert(id.to_owned());
        self.services.retain(|service| service.project_id != id);
        self.volumes.retain(|volume| volume.project_id != id);
        self.projects.retain(|project| project.id != id);
        Ok(())
    }

    fn drop_environment(&mut self, id: &str) {
        self.drop_instances(|_, environment| environment == id);
        self.volume_instances
            .retain(|volume| volume.environment_id != id);
        self.environments.retain(|environment| environment.id != id);
        self.gone.insert(id.to_owned());
    }

    /// Drops instances with their domains, deployments and containers.
    fn drop_instances(&mut self, which: impl Fn(&str, &str) -> bool) {
        for instance in &self.instances {
            if which(&instance.service_id, &instance.environment_id) {
                instance.slot.clear();
            }
        }
        for deployment in &self.deployments {
            if which(&deployment.service_id, &deployment.environment_id) {
                self.gone.insert(deployment.id.clone());
            }
        }
        for domain in &self.domains {
            if which(&domain.service_id, &domain.environment_id) {
                self.gone.insert(domain.id.clone());
            }
        }
        self.deployments
            .retain(|d| !which(&d.service_id, &d.environment_id));
        self.domains
            .retain(|d| !which(&d.service_id, &d.environment_id));
        self.instances
            .retain(|i| !which(&i.service_id, &i.environment_id));
        for volume in &mut self.volume_instances {
            let environment = &volume.environment_id;
            volume
                .service_id
                .take_if(|service| which(service, environment));
        }
    }
}
