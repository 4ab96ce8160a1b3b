//! Patches: server-side apply, and merge patches.

use std::collections::{BTreeMap, BTreeSet};

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use super::merge::{self, Path};
use super::state::{Object, State, seconds};
use super::status::{conflict, invalid, no_namespace, not_found, refuse};
use super::target::{Key, Resource};
use super::{rules, schema};
use crate::http::{Answer, Request};

impl State {
    pub(super) fn patch(&mut self, request: &Request, key: &Key) -> Result<Answer, Answer> {
        let query = |name: &str| {
            let pair = request.query.iter().find(|(key, _)| key == name);
            pair.map(|(_, value)| value.as_str())
        };
        let body = request.json().filter(Value::is_object);
        let body =
            body.ok_or_else(|| refuse(400, "BadRequest", "the body is not a JSON object"))?;
        let (_, namespace, _) = key;
        if !self.options.namespaces.contains(namespace) {
            return Err(no_namespace(namespace));
        }
        let manager = query("fieldManager");
        match request.header("content-type") {
            Some("application/apply-patch+yaml") => {
                let manager = manager
                    .filter(|manager| !manager.is_empty())
                    .ok_or_else(|| {
                        invalid(
                            key,
                            "fieldManager: Required value: is required for apply patch",
                        )
                    })?;
                self.apply(key, &body, manager, query("force") == Some("true"))
            }
            Some("application/merge-patch+json") => {
                self.merge(key, &body, manager.unwrap_or("unknown"))
            }
            other => Err(refuse(
                415,
                "UnsupportedMediaType",
                format!("the body of the request was in an unknown format: {other:?}"),
            )),
        }
    }

    fn apply(
        &mut self,
        key: &Key,
        body: &Value,
        manager: &str,
        force: bool,
    ) -> Result<Answer, Answer> {
        let (resource, namespace, name) = key;
        identify(key, body)?;
        self.validate(key, body)?;
        let existing = self.objects.get(key).cloned();
        if existing.is_none() {
            self.allow("create", resource.group(), resource.plural(), namespace)?;
        }
        let version = &body["metadata"]["resourceVersion"];
        let current = existing.as_ref().map_or(
            &Value::Null,
            |object| &object.value["metadata"]["resourceVersion"],
        );
        if !version.is_null() && version != current {
            let why = "the object has been modified; please apply your changes to the latest version and try again";
            return Err(conflict(key, why));
        }
        let status = if existing.is_none() {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        };
        let Object {
            mut value,
            mut owners,
            ..
        } = existing.clone().unwrap_or_else(|| fresh(key));
        let fields = merge::fields(body);
        let taken = contested(&value, &owners, body, &fields, manager);
        if !taken.is_empty() && !force {
            let why = format!(
                "Apply failed with {} conflicts: {}",
                taken.len(),
                taken.join(", ")
            );
            return Err(conflict(key, &why));
        }
        combine(&mut value, &mut owners, body, &fields, manager);
        record(&mut value, &owners, &resource.api_version());
        if *resource == Resource::Claims && existing.is_none() {
            value["metadata"]["finalizers"] = json!(["kubernetes.io/pvc-protection"]);
        }
        self.keep(key, existing.as_ref(), value, owners)
            .map(|value| Answer::json(status, value))
            .inspect_err(|_| {
                self.faults
                    .push(format!("refused: {} {name}", resource.kind()));
            })
    }

    fn merge(&mut self, key: &Key, patch: &Value, manager: &str) -> Result<Answer, Answer> {
        let existing = self
            .objects
            .get(key)
            .cloned()
            .ok_or_else(|| not_found(key))?;
        let Object {
            mut value,
            mut owners,
            ..
        } = existing.clone();
        merge::merge(&mut value, patch);
        // Updates by the same manager are kept separate from its applied fields.
        owners
            .entry(format!("{manager} (update)"))
            .or_default()
            .extend(merge::fields(patch));
        record(&mut value, &owners, &key.0.api_version());
        self.keep(key, Some(&existing), value, owners)
            .map(Answer::ok)
    }

    /// Stores the patched object, if it is still valid.
    fn keep(
        &mut self,
        key: &Key,
        before: Option<&Object>,
        value: Value,
        owners: BTreeMap<String, BTreeSet<Path>>,
    ) -> Result<Value, Answer> {
        self.validate(key, &value)?;
        if let Some(before) = before {
            rules::unchanged(key.0, &before.value, &value).map_err(|why| invalid(key, &why))?;
        }
        Ok(self.put(key, value, owners))
    }

    /// Checks the schema, and the rules that are not in it.
    fn validate(&mut self, key: &Key, value: &Value) -> Result<(), Answer> {
        let mut plain = value.clone();
        if let Some(members) = plain.as_object_mut() {
            members.remove("status");
        }
        if let Some(metadata) = plain["metadata"].as_object_mut() {
            metadata.remove("managedFields");
        }
        let checked =
            schema::check(key.0.kind(), &plain).and_then(|()| rules::check(key.0, &plain));
        checked.map_err(|why| {
            self.faults.push(why.clone());
            invalid(key, &why)
        })
    }
}

/// The manifest must describe the object in the path.
fn identify(key: &Key, body: &Value) -> Result<(), Answer> {
    let (resource, namespace, name) = key;
    let metadata = &body["metadata"];
    let same = body["apiVersion"] == resource.api_version()
        && body["kind"] == resource.kind()
        && metadata["name"] == name.as_str()
        && (metadata["namespace"].is_null() || metadata["namespace"] == namespace.as_str());
    if same {
        return Ok(());
    }
    Err(refuse(
        400,
        "BadRequest",
        "the manifest does not describe the object in the path",
    ))
}

fn fresh(key: &Key) -> Object {
    let (resource, namespace, name) = key;
    Object {
        value: json!({
            "apiVersion": resource.api_version(), "kind": resource.kind(),
            "metadata": { "name": name, "namespace": namespace },
        }),
        owners: BTreeMap::new(),
        since: 0,
    }
}

/// Sets the fields of a manifest, and removes those that the manager no longer applies and no other manager owns.
fn combine(
    value: &mut Value,
    owners: &mut BTreeMap<String, BTreeSet<Path>>,
    body: &Value,
    fields: &BTreeSet<Path>,
    manager: &str,
) {
    for (other, theirs) in &mut *owners {
        if other != manager {
            theirs.retain(|path| !fields.contains(path));
        }
    }
    let before = owners.insert(manager.to_owned(), fields.clone());
    for lost in before.unwrap_or_default() {
        if !owners.values().any(|theirs| theirs.contains(&lost)) {
            merge::remove(value, &lost);
        }
    }
    for path in fields {
        if let Some(new) = merge::get(body, path) {
            merge::set(value, path, new);
        }
    }
}

/// The fields that another manager has set to another value.
fn contested(
    value: &Value,
    owners: &BTreeMap<String, BTreeSet<Path>>,
    body: &Value,
    fields: &BTreeSet<Path>,
    manager: &str,
) -> Vec<String> {
    let others = owners.iter().filter(|(other, _)| *other != manager);
    let theirs = others
        .flat_map(|(other, theirs)| theirs.intersection(fields).map(move |path| (other, path)));
    let differing = theirs.filter(|(_, path)| merge::get(value, path) != merge::get(body, path));
    differing
        .map(|(other, path)| format!(".{} of {other:?}", path.join(".")))
        .collect()
}

/// Writes `managedFields`, but only the names of the managers.
fn record(value: &mut Value, owners: &BTreeMap<String, BTreeSet<Path>>, api_version: &str) {
    let old = value["metadata"]["managedFields"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let entry = |manager: &String| {
        let (name, operation) = manager
            .strip_suffix(" (update)")
            .map_or((manager.as_str(), "Apply"), |name| (name, "Update"));
        let known = old
            .iter()
            .find(|entry| entry["manager"] == name && entry["operation"] == operation);
        known.cloned().unwrap_or_else(|| {
            json!({
                "manager": name, "operation": operation, "apiVersion": api_version,
                "time": seconds(), "fieldsType": "FieldsV1", "fieldsV1": Map::new(),
            })
        })
    };
    let entries: Vec<Value> = owners.keys().map(entry).collect();
    value["metadata"]["managedFields"] = entries.into();
}
