//! Settings and variables of an instance, set one call at a time.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::access::Caller;
use super::message::Refusal;
use super::state::State;

/// Whether a change of variables deploys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deploys {
    Yes,
    Skip,
}

/// Whether other variables stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Others {
    Stay,
    Go,
}

impl State {
    /// Without an environment it changes all of them [O]. A new image may deploy automatically [U].
    pub(crate) fn update_instance(
        &mut self,
        caller: &Caller,
        service_id: &str,
        environment_id: Option<&str>,
        image: Option<String>,
        deploy: &Value,
    ) -> Result<(), Refusal> {
        self.service(caller, service_id)?;
        let places = match environment_id {
            Some(environment) => vec![self.instance(caller, service_id, environment)?],
            None => {
                let own = |place: &usize| self.instances[*place].service_id == service_id;
                (0..self.instances.len()).filter(own).collect()
            }
        };
        // The server refuses a list of more than one although the type is a list [O].
        if deploy["preDeployCommand"]
            .as_array()
            .is_some_and(|list| list.len() > 1)
        {
            return Err(Refusal::new(
                "Expected preDeployCommand to have at most one element",
            ));
        }
        for place in places {
            let instance = &mut self.instances[place];
            super::patch::merge(&mut instance.config, &json!({"deploy": deploy}));
            let Some(image) = &image else { continue };
            let changed = instance.config["source"]["image"] != image.as_str();
            instance.config["source"] = json!({"image": image});
            let environment = instance.environment_id.clone();
            if changed && self.options.image_update_deploys {
                self.deploy(service_id, &environment)?;
            }
        }
        Ok(())
    }

    pub(crate) fn limit_instance(
        &mut self,
        caller: &Caller,
        service_id: &str,
        environment_id: &str,
        limits: &Value,
    ) -> Result<(), Refusal> {
        let place = self.instance(caller, service_id, environment_id)?;
        let limits = json!({"deploy": {"limitOverride": {"containers": limits}}});
        super::patch::merge(&mut self.instances[place].config, &limits);
        Ok(())
    }

    /// An upsert. It deploys if something changed, unless `skipDeploys` is set.
    pub(crate) fn set_variables(
        &mut self,
        caller: &Caller,
        (service_id, environment_id): (&str, &str),
        variables: &BTreeMap<String, String>,
        others: Others,
        deploys: Deploys,
    ) -> Result<(), Refusal> {
        let place = self.instance(caller, service_id, environment_id)?;
        let config = &mut self.instances[place].config;
        let before = config["variables"].clone();
        if others == Others::Go {
            config["variables"] = json!({});
        }
        for (name, value) in variables {
            config["variables"][name] = json!({"value": value});
        }
        let changed = config["variables"] != before;
        let source = config["source"]["image"].is_string();
        if changed && source && deploys == Deploys::Yes {
            self.deploy(service_id, environment_id)?;
        }
        Ok(())
    }

    pub(crate) fn delete_variable(
        &mut self,
        caller: &Caller,
        service_id: &str,
        environment_id: &str,
        name: &str,
    ) -> Result<(), Refusal> {
        let place = self.instance(caller, service_id, environment_id)?;
        let config = &mut self.instances[place].config;
        let removed = config["variables"]
            .as_object_mut()
            .and_then(|map| map.remove(name));
        let source = config["source"]["image"].is_string();
        match removed {
            None => Err(Refusal::not_found("Variable")),
            Some(_) if source => self.deploy(service_id, environment_id).map(drop),
            Some(_) => Ok(()),
        }
    }

    /// An instance's variables as plain strings; sealed ones cannot be read back [D].
    pub(crate) fn variables_of(&self, place: usize) -> BTreeMap<String, String> {
        let variables = self.instances[place].config["variables"].as_object();
        let readable = variables
            .into_iter()
            .flatten()
            .filter_map(|(name, variable)| {
                let open = variable["isSealed"] != true;
                Some((
                    name.clone(),
                    variable["value"].as_str().filter(|_| open)?.to_owned(),
                ))
            });
        readable.collect()
    }
}
