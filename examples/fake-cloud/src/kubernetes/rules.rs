//! Rules of the API server that the schemas do not have.

use serde_json::Value;

use super::policy;
use super::target::Resource;

/// Whether an object complies with the rules of its kind.
///
/// # Errors
/// It breaks a rule, which the error names.
pub(super) fn check(resource: Resource, object: &Value) -> Result<(), String> {
    metadata(object)?;
    let spec = &object["spec"];
    match resource {
        Resource::StatefulSets => {
            let template = &spec["template"];
            for (key, value) in members(&spec["selector"]["matchLabels"]) {
                if template["metadata"]["labels"][key.as_str()] != *value {
                    return Err(format!(
                        "spec.template.metadata.labels: `selector` does not match template `labels` at {key}"
                    ));
                }
            }
            policy::restricted(&template["spec"])
        }
        Resource::Policies => policy::network(spec),
        Resource::Secrets => {
            let is_key = |key: &str| {
                key.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
            };
            let wrong =
                members(&object["data"]).find(|(key, value)| !is_key(key) || !is_base64(value));
            wrong.map_or(Ok(()), |(key, _)| {
                Err(format!("data[{key}]: Invalid value"))
            })
        }
        Resource::Pods
        | Resource::Services
        | Resource::Claims
        | Resource::Ingresses
        | Resource::Routes => Ok(()),
    }
}

/// Whether a change leaves immutable fields unchanged.
///
/// # Errors
/// An immutable field was changed; the error names it.
pub(super) fn unchanged(resource: Resource, before: &Value, after: &Value) -> Result<(), String> {
    let fixed: &[&str] = match resource {
        Resource::StatefulSets => &[
            "/spec/selector",
            "/spec/serviceName",
            "/spec/podManagementPolicy",
            "/spec/volumeClaimTemplates",
        ],
        Resource::Claims => &["/spec/accessModes", "/spec/storageClassName"],
        Resource::Secrets => &["/type"],
        Resource::Pods
        | Resource::Services
        | Resource::Policies
        | Resource::Ingresses
        | Resource::Routes => &[],
    };
    let changed = fixed
        .iter()
        .find(|path| before.pointer(path) != after.pointer(path));
    changed.map_or(Ok(()), |path| {
        Err(format!("{path}: Forbidden: field is immutable"))
    })
}

fn metadata(object: &Value) -> Result<(), String> {
    let metadata = &object["metadata"];
    let name = metadata["name"].as_str().unwrap_or_default();
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let starts = name.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
    if !starts || name.len() > 63 || name.ends_with('-') || !name.bytes().all(is_name) {
        return Err(format!("metadata.name: Invalid value: {name:?}"));
    }
    for (key, value) in members(&metadata["labels"]) {
        if !value.as_str().is_some_and(is_label) {
            return Err(format!("metadata.labels[{key}]: Invalid value: {value}"));
        }
    }
    for owner in metadata["ownerReferences"].as_array().into_iter().flatten() {
        if owner["uid"].as_str().is_none_or(str::is_empty) {
            return Err(
                "metadata.ownerReferences.uid: Invalid value: uid must not be empty".to_owned(),
            );
        }
    }
    Ok(())
}

fn is_label(value: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let ends = [value.bytes().next(), value.bytes().last()];
    value.len() <= 63
        && value.bytes().all(inner)
        && ends
            .into_iter()
            .flatten()
            .all(|byte| byte.is_ascii_alphanumeric())
}

fn is_base64(value: &Value) -> bool {
    use base64::Engine as _;
    let text = value.as_str();
    text.is_some_and(|text| base64::prelude::BASE64_STANDARD.decode(text).is_ok())
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
