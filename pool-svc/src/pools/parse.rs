//! Parses declarations of pools. Here, unlike on the wire between services, an unknown member is an error: a misspelt
//! limit would be no limit.

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::{Objective, Policy, PoolSpec, Recipe};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Deserializer as Tracked, Track};

use crate::sizing::objective::parse_objective;

/// Maximum number of variables of a recipe.
const MOST_VARIABLES: usize = 100;
/// Longest value of a variable, and longest name of an image, in bytes.
const LONGEST_VALUE: usize = 32 * 1024;
const LONGEST_IMAGE: usize = 512;

/// What is wrong with a declaration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub(crate) struct Unfit {
    /// The path of the member, separated by `.`.
    pub(crate) field: String,
    pub(crate) problem: String,
}

impl Unfit {
    pub(super) fn new(field: &str, problem: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            problem: problem.into(),
        }
    }
}

/// Parses the declaration of one pool. `limit` is the limit of all pools together, `POOL_MAX_TOTAL`.
pub(crate) fn parse_spec(value: Value, limit: u32) -> Result<PoolSpec, Unfit> {
    check_objects(&value)?;
    let spec: PoolSpec = parse_strictly(value)?;
    check_recipe(&spec.recipe)?;
    let (min, max) = (spec.policy.min_idle, spec.policy.max_total);
    if let Some(max) = max
        && max > limit
    {
        let problem = format!("is {max}: expected no more than POOL_MAX_TOTAL, which is {limit}");
        return Err(Unfit::new("policy.maxTotal", problem));
    }
    let most = max.unwrap_or(limit);
    if let Some(min) = min
        && min > most
    {
        let problem = format!("is {min}: expected no more than maxTotal, which is {most}");
        return Err(Unfit::new("policy.minIdle", problem));
    }
    check_guards(&spec.policy)?;
    if let Some(objective) = &spec.policy.objective {
        if min.is_some() {
            let problem = "expected either minIdle or an objective";
            return Err(Unfit::new("policy.objective", problem));
        }
        check_objective(objective, most)?;
    }
    Ok(spec)
}

fn check_objective(objective: &Objective, most: u32) -> Result<(), Unfit> {
    let min = objective.min;
    if min > most {
        let problem = format!("is {min}: expected no more than maxTotal, which is {most}");
        return Err(Unfit::new("policy.objective.min", problem));
    }
    let checked = parse_objective(objective, most);
    let max = checked
        .map_err(|error| Unfit::new("policy.objective", error.to_string()))?
        .max;
    match objective.floors.iter().find(|floor| floor.min > max) {
        None => Ok(()),
        Some(floor) => {
            let min = floor.min;
            let problem =
                format!("min is {min}: expected no more than the maximum, which is {max}");
            Err(Unfit::new("policy.objective.floors", problem))
        }
    }
}

/// An array would be taken for the members in their order.
fn check_objects(value: &Value) -> Result<(), Unfit> {
    for (field, part) in [
        ("pool", Some(value)),
        ("recipe", value.get("recipe")),
        ("policy", value.get("policy")),
    ] {
        if part.is_some_and(|part| !part.is_object()) {
            return Err(Unfit::new(field, "expected an object"));
        }
    }
    Ok(())
}

/// Maximum failures in a row that a policy can allow.
const MOST_FAILURES: u32 = 1_000;

fn check_guards(policy: &Policy) -> Result<(), Unfit> {
    for (member, number) in [
        ("maxStarting", policy.max_starting),
        ("maxFailures", policy.max_failures),
        ("maxIdleSeconds", policy.max_idle_seconds),
        ("ttlSeconds", policy.ttl_seconds),
        ("idleTimeoutSeconds", policy.idle_timeout_seconds),
    ] {
        if number == Some(0) {
            let field = format!("policy.{member}");
            return Err(Unfit::new(&field, "is 0: expected 1 or more"));
        }
    }
    match policy.max_failures {
        Some(failures) if failures > MOST_FAILURES => {
            let problem = format!("is {failures}: expected no more than {MOST_FAILURES}");
            Err(Unfit::new("policy.maxFailures", problem))
        }
        Some(_) | None => Ok(()),
    }
}

fn check_recipe(recipe: &Recipe) -> Result<(), Unfit> {
    if let Some(image) = &recipe.image
        && (image.trim().is_empty() || image.len() > LONGEST_IMAGE)
    {
        let problem = format!("expected 1 to {LONGEST_IMAGE} characters");
        return Err(Unfit::new("recipe.image", problem));
    }
    check_tools(recipe)?;
    if recipe.variables.len() > MOST_VARIABLES {
        let problem = format!("expected at most {MOST_VARIABLES}");
        return Err(Unfit::new("recipe.variables", problem));
    }
    let mut long = recipe.variables.iter();
    match long.find(|(_, value)| value.len() > LONGEST_VALUE) {
        None => Ok(()),
        Some((name, _)) => {
            let field = format!("recipe.variables.{}", name.as_str());
            let problem = format!("expected at most {LONGEST_VALUE} bytes");
            Err(Unfit::new(&field, problem))
        }
    }
}

/// A tool belongs to one phase.
fn check_tools(recipe: &Recipe) -> Result<(), Unfit> {
    let mut known = Vec::new();
    for (field, tools) in [
        ("recipe.tools", &recipe.tools),
        ("recipe.claimTools", &recipe.claim_tools),
        ("recipe.demandTools", &recipe.demand_tools),
    ] {
        for tool in tools.iter().flatten() {
            if known.contains(&tool) {
                return Err(Unfit::new(field, format!("{tool} is named twice")));
            }
            known.push(tool);
        }
    }
    Ok(())
}

/// Refuses members that this version does not know, and names the one whose value is wrong.
fn parse_strictly<T: DeserializeOwned>(value: Value) -> Result<T, Unfit> {
    let mut unknown = None;
    let mut track = Track::new();
    let parsed = serde_ignored::deserialize(Tracked::new(value, &mut track), |path| {
        unknown.get_or_insert_with(|| path.to_string());
    });
    let parsed = parsed.map_err(|error: serde_json::Error| {
        Unfit::new(&track.path().to_string(), error.to_string())
    })?;
    match unknown {
        Some(member) => Err(Unfit::new(&member, "there is no such member")),
        None => Ok(parsed),
    }
}

/// Parses `POOLS_FILE`: a table `[pools.NAME]` for each pool.
pub(crate) fn parse_file(text: &str, limit: u32) -> Result<Vec<(PoolName, PoolSpec)>, String> {
    let all: Value =
        toml_edit::de::from_str(text).map_err(|error| format!("is not TOML: {error}"))?;
    let Value::Object(mut all) = all else {
        return Err("is not a table".to_owned());
    };
    let pools = match all.remove("pools") {
        Some(Value::Object(pools)) => pools,
        Some(_) => return Err("has no tables [pools.NAME]".to_owned()),
        None => serde_json::Map::new(),
    };
    if let Some(other) = all.keys().next() {
        return Err(format!("has {other:?}: expected only tables [pools.NAME]"));
    }
    let pool = |(name, value): (String, Value)| {
        let name: PoolName = name.parse().map_err(|error| format!("{error}"))?;
        let spec = parse_spec(value, limit);
        let spec = spec.map_err(|unfit| format!("pool {name}, {unfit}"))?;
        Ok((name, spec))
    };
    pools.into_iter().map(pool).collect()
}

/// Changes `target` by `patch`, after RFC 7396: members that are null are removed.
pub(crate) fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Some(members) = target.as_object_mut() else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(&name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FILE: &str = r#"
        [pools.research.recipe]
        image = "agent:2"
        tools = []
        variables = { MODE = "deep" }
        infra_options = { memoryMib = 1024 }

        [pools.research.policy]
        min_idle = 2
        max_total = 5
    "#;

    #[test]
    fn a_file_says_the_same_as_the_body_of_a_request() {
        let body = json!({
            "recipe": {
                "image": "agent:2", "tools": [], "variables": { "MODE": "deep" },
                "infraOptions": { "memoryMib": 1024 },
            },
            "policy": { "minIdle": 2, "maxTotal": 5 },
        });
        let spec = parse_spec(body, 10).unwrap();
        let file = parse_file(FILE, 10).unwrap();
        assert_eq!(file, [("research".parse().unwrap(), spec)]);
        assert_eq!(parse_file("", 10), Ok(Vec::new()));
    }

    /// A pool with a maximum of 8 and this floor, every day at 9.
    fn floor(mut floor: Value) -> Value {
        floor["from"] = json!("0 9 * * *");
        json!({ "policy": { "objective": { "hitRate": "99%", "max": 8, "floors": [floor] } } })
    }

    #[test]
    fn misspelt_and_invalid_members_are_named() {
        for (body, field) in [
            (json!({ "policy": { "minIdel": 2 } }), "policy.minIdel"),
            (json!({ "polcy": {} }), "polcy"),
            (json!({ "policy": { "minIdle": 11 } }), "policy.minIdle"),
            (json!({ "policy": { "maxTotal": 11 } }), "policy.maxTotal"),
            (
                json!({ "policy": { "ttlSeconds": 0 } }),
                "policy.ttlSeconds",
            ),
            (
                json!({ "policy": { "maxFailures": 1001 } }),
                "policy.maxFailures",
            ),
            (json!({ "recipe": { "image": " " } }), "recipe.image"),
            (json!({ "recipe": { "tools": ["a", "a"] } }), "recipe.tools"),
            (json!({ "policy": { "minIdle": -1 } }), "policy.minIdle"),
            (json!({ "policy": { "budget": "20" } }), "policy.budget"),
            (
                json!({ "policy": { "objective": { "hitRate": "0%" } } }),
                "policy.objective.hitRate",
            ),
            (
                json!({ "policy": { "objective": { "hitRate": "99%", "min": 11 } } }),
                "policy.objective.min",
            ),
            (floor(json!({ "minutes": 0, "min": 1 })), "policy.objective"),
            (
                floor(json!({ "minutes": 1, "min": 9 })),
                "policy.objective.floors",
            ),
            (json!([]), "pool"),
            (json!({ "policy": [2] }), "policy"),
        ] {
            let unfit = parse_spec(body.clone(), 10).unwrap_err();
            assert_eq!(unfit.field, field, "{body}");
        }
        for file in [
            "[pool.x]",
            "pools = 3",
            "[pools.'A b']",
            "[pools.x.policy]\nmin = 1",
            "[pools.x.policy.objective]\nhit_rate = '99%'\nfloors = [{ from = '0 9 * * *', minutes = 0, min = 1 }]",
            "=",
        ] {
            assert!(parse_file(file, 10).is_err(), "{file}");
        }
    }

    #[test]
    fn a_patch_changes_what_it_names_and_removes_what_is_null() {
        let mut policy = json!({ "minIdle": 2, "paused": true });
        merge(
            &mut policy,
            json!({ "paused": false, "minIdle": null, "maxTotal": 4 }),
        );
        assert_eq!(policy, json!({ "paused": false, "maxTotal": 4 }));
    }
}
