//! The difference between a pool and its declaration in a file.

use serde_json::{Map, Value};

/// One member that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    /// Its path, with dots.
    pub(super) member: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            member,
            before,
            after,
        } = self;
        match (before, after) {
            (Some(before), Some(after)) => write!(f, "~ {member}: {before} -> {after}"),
            (Some(before), None) => write!(f, "- {member}: {before}"),
            (None, Some(after)) => write!(f, "+ {member}: {after}"),
            (None, None) => Ok(()),
        }
    }
}

/// The differences, member by member.
pub(super) fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    collect("", before, after, &mut found);
    found
}

fn collect(path: &str, before: &Value, after: &Value, found: &mut Vec<Difference>) {
    let none = Map::new();
    if before.is_object() || after.is_object() {
        let before = before.as_object().unwrap_or(&none);
        let after = after.as_object().unwrap_or(&none);
        let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            let member = |all: &Map<String, Value>| all.get(name).cloned().unwrap_or(Value::Null);
            collect(&path, &member(before), &member(after), found);
        }
        return;
    }
    if before != after {
        let text = |value: &Value| (!value.is_null()).then(|| value.to_string());
        found.push(Difference {
            member: path.to_owned(),
            before: text(before),
            after: text(after),
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_that_came_went_or_changed_are_named_by_their_path() {
        let before =
            json!({ "policy": { "minIdle": 1, "paused": false }, "recipe": { "image": "a" } });
        let after =
            json!({ "policy": { "minIdle": 2, "paused": false }, "recipe": { "tools": [] } });
        let lines: Vec<String> = differences(&before, &after)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            lines,
            [
                "~ policy.minIdle: 1 -> 2",
                "- recipe.image: \"a\"",
                "+ recipe.tools: []"
            ]
        );
        assert_eq!(differences(&after, &after), []);
    }
}
