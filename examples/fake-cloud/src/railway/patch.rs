//! `environmentPatchCommit`: a patch merges, null removes, and each service that changed is
//! deployed once [S][U].

use serde_json::{Map, Value, json};

use super::access::Caller;
use super::message::Refusal;
use super::state::State;

impl State {
    /// Checks the complete patch, then merges it. Returns a string that does not identify the deployment.
    pub(crate) fn commit_patch(
        &mut self,
        caller: &Caller,
        environment_id: &str,
        patch: &Value,
    ) -> Result<String, Refusal> {
        self.environment(caller, environment_id)?;
        let services = patch["services"].as_object().cloned().unwrap_or_default();
        let mut places = Vec::new();
        for (service_id, block) in &services {
            places.push(self.instance(caller, service_id, environment_id)?);
            // A project token cannot set an image [O].
            if matches!(caller, Caller::Project { .. }) && !block["source"]["image"].is_null() {
                return Err(Refusal::not_authorized());
            }
            check(service_id, block)?;
        }
        for ((service_id, block), place) in services.iter().zip(places) {
            let instance = &mut self.instances[place];
            let before = instance.config.clone();
            merge(&mut instance.config, &storable(block));
            let source = instance.config["source"]["image"].is_string();
            // A patch that changes nothing deploys nothing [U].
            if instance.config != before && source {
                self.deploy(service_id, environment_id)?;
            }
        }
        Ok(self.ids.uuid())
    }

    /// The value of `environment.config`: the blob that a patch is merged into.
    pub(crate) fn config_of(&self, environment_id: &str) -> Value {
        let own = self
            .instances
            .iter()
            .filter(|i| i.environment_id == environment_id);
        let services = own.map(|instance| {
            let mut block = instance.config.clone();
            hide_sealed(&mut block);
            let domains = self.domains.iter().filter(|domain| {
                domain.service_id == instance.service_id && domain.environment_id == environment_id
            });
            let domains = domains.map(|domain| {
                let port = domain
                    .target_port
                    .map_or_else(|| json!({}), |port| json!({"port": port}));
                (domain.authority(), port)
            });
            block["networking"] = json!({"serviceDomains": domains.collect::<Map<_, _>>()});
            let mounts = self.volume_instances.iter().filter(|volume| {
                volume.service_id.as_ref() == Some(&instance.service_id)
                    && volume.environment_id == environment_id
            });
            let mounts = mounts.map(|v| (v.volume_id.clone(), json!({"mountPath": v.mount_path})));
            block["volumeMounts"] = Value::Object(mounts.collect());
            (instance.service_id.clone(), block)
        });
        json!({"services": services.collect::<Map<_, _>>()})
    }
}

/// Domains and mounts have rows of their own here, so a patch does not store them.
fn storable(block: &Value) -> Value {
    let mut block = block.clone();
    if let Some(members) = block.as_object_mut() {
        members.remove("networking");
        members.remove("volumeMounts");
    }
    block
}

fn hide_sealed(block: &mut Value) {
    let variables = block["variables"].as_object_mut().into_iter().flatten();
    for (_, variable) in variables.filter(|(_, variable)| variable["isSealed"] == true) {
        variable["value"] = Value::Null;
    }
}

/// Refuses forms that are easily confused: a variable is an object here, and a plain string elsewhere [S].
fn check(service_id: &str, block: &Value) -> Result<(), Refusal> {
    let at = |path: &str, expected: &str| {
        let text =
            format!("Invalid environment config at services.{service_id}.{path}: {expected}");
        Err(Refusal::new(text))
    };
    if !block.is_object() {
        return at("", "Expected object");
    }
    for (name, variable) in block["variables"].as_object().into_iter().flatten() {
        if !variable.is_null() && !variable["value"].is_string() {
            return at(
                &format!("variables.{name}"),
                "Expected object with a string value",
            );
        }
    }
    let image = &block["source"]["image"];
    if !image.is_null() && !image.is_string() {
        return at("source.image", "Expected string");
    }
    if block["deploy"]["preDeployCommand"]
        .as_array()
        .is_some_and(|list| list.len() > 1)
    {
        return at("deploy.preDeployCommand", "Expected at most one element");
    }
    Ok(())
}

/// Merges objects member by member. Null removes a member; any other value replaces it.
pub(crate) fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (name, value) in members {
        if value.is_null() {
            into.as_object_mut().map(|object| object.remove(name));
        } else {
            merge(&mut into[name], value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_removes_and_the_rest_stays() {
        let mut config = json!({"variables": {"A": {"value": "1"}, "B": {"value": "2"}}});
        merge(
            &mut config,
            &json!({"variables": {"A": null, "C": {"value": "3"}}}),
        );
        assert_eq!(
            config,
            json!({"variables": {"B": {"value": "2"}, "C": {"value": "3"}}})
        );
    }
}
