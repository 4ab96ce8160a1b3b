//! Fields of objects: finding, setting and removing them, and the two kinds of patches.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The members that lead to a field.
pub(super) type Path = Vec<String>;

/// The fields of an applied manifest. A list is one field, because only one manager applies lists here.
pub(super) fn fields(value: &Value) -> BTreeSet<Path> {
    let mut found = BTreeSet::new();
    walk(value, &mut Vec::new(), &mut found);
    found.retain(|path| !is_identity(path));
    found
}

/// No manager owns the fields that identify an object.
fn is_identity(path: &Path) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    matches!(
        path[..],
        ["apiVersion" | "kind"] | ["metadata", "name" | "namespace" | "resourceVersion" | "uid"]
    )
}

fn walk(value: &Value, path: &mut Path, found: &mut BTreeSet<Path>) {
    match value.as_object() {
        Some(members) if !members.is_empty() => {
            for (name, member) in members {
                path.push(name.clone());
                walk(member, path, found);
                path.pop();
            }
        }
        _ => {
            found.insert(path.clone());
        }
    }
}

pub(super) fn get<'v>(value: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

pub(super) fn set(value: &mut Value, path: &[String], new: &Value) {
    let Some((name, rest)) = path.split_first() else {
        // An empty object means that the object exists, not that it is empty.
        if !(new.as_object().is_some_and(Map::is_empty) && value.is_object()) {
            value.clone_from(new);
        }
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    if let Some(members) = value.as_object_mut() {
        set(
            members.entry(name.clone()).or_insert(Value::Null),
            rest,
            new,
        );
    }
}

/// Removes a field, and objects that become empty.
pub(super) fn remove(value: &mut Value, path: &[String]) {
    let (Some((name, rest)), Some(members)) = (path.split_first(), value.as_object_mut()) else {
        return;
    };
    if rest.is_empty() {
        members.remove(name);
        return;
    }
    if let Some(member) = members.get_mut(name) {
        remove(member, rest);
        if member.as_object().is_some_and(Map::is_empty) {
            members.remove(name);
        }
    }
}

/// JSON merge patch (RFC 7396).
pub(super) fn merge(value: &mut Value, patch: &Value) {
    let Some(members) = patch.as_object() else {
        value.clone_from(patch);
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    for (name, member) in members {
        let Some(own) = value.as_object_mut() else {
            return;
        };
        if member.is_null() {
            own.remove(name);
        } else {
            merge(own.entry(name.clone()).or_insert(Value::Null), member);
        }
    }
}
