//! Domains: each is a port of this machine, open for the lifetime of the domain.

use std::sync::Arc;

use super::access::Caller;
use super::message::{DOMAIN_RACE, Refusal};
use super::state::{Domain, State};
use crate::launcher::Edge;

impl State {
    /// A second call adds a second domain (not documented [?]). Returns the ID of the domain.
    pub(crate) fn create_domain(
        &mut self,
        caller: &Caller,
        service_id: &str,
        environment_id: &str,
        target_port: Option<i32>,
    ) -> Result<String, Refusal> {
        let place = self.instance(caller, service_id, environment_id)?;
        self.ready_service(service_id)?;
        let edge = Edge::open(Arc::clone(&self.instances[place].slot));
        // The vendor's answer if an instance is not ready for a domain [U].
        let edge = edge.map_err(|_| Refusal::new(DOMAIN_RACE))?;
        let id = self.ids.uuid();
        self.domains.push(Domain {
            id: id.clone(),
            service_id: service_id.to_owned(),
            environment_id: environment_id.to_owned(),
            target_port,
            host: self.options.domain_host.clone(),
            edge,
        });
        Ok(id)
    }

    pub(crate) fn delete_domain(&mut self, caller: &Caller, id: &str) -> Result<(), Refusal> {
        let place = self.domains.iter().position(|domain| domain.id == id);
        let Some(place) = place else {
            return Err(if self.gone.contains(id) {
                Refusal::new(self.options.gone_message.clone())
            } else {
                Refusal::not_found("ServiceDomain")
            });
        };
        self.environment(caller, &self.domains[place].environment_id)?;
        self.domains.remove(place);
        self.gone.insert(id.to_owned());
        Ok(())
    }

    /// The first domain of an instance, with its scheme: plain HTTP on this machine.
    pub(crate) fn url_of(&self, service_id: &str, environment_id: &str) -> Option<String> {
        let mut domains = self.domains.iter();
        let own = domains.find(|domain| {
            domain.service_id == service_id && domain.environment_id == environment_id
        })?;
        Some(own.text())
    }
}

impl Domain {
    /// The domain as the API returns it. The vendor's has no scheme; this one is not HTTPS, so it
    /// has one.
    pub(crate) fn text(&self) -> String {
        format!("http://{}", self.authority())
    }

    /// The host and port.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.edge.address.port())
    }
}
