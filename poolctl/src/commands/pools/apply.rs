//! `poolctl pools apply`: the difference first, then the change, if there is one.

use std::path::Path;

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::{PoolSpec, PoolView};
use serde::Serialize;
use serde_json::{Value, json};
use serde_path_to_error::{Deserializer as Tracked, Track};

use super::diff::{Difference, differences};
use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, Yes, count_of, during, good};

/// The change of one pool.
#[derive(Debug)]
struct Planned {
    name: PoolName,
    spec: PoolSpec,
    /// The version with which the file was compared; 0 for a new pool.
    version: u32,
    differences: Vec<Difference>,
}

#[derive(Debug, Serialize)]
struct Applied {
    pool: PoolName,
    differences: Vec<String>,
}

pub(super) async fn run(
    file: &Path,
    dry_run: bool,
    yes: Yes,
    out: Out,
    target: &Target,
) -> Result<Exit, Failure> {
    let declared = read(file)?;
    let pools = during("asking Pool", target.pool.pools()).await;
    let pools = pools.map_err(|error| Failure::of_call("list the pools", &error))?;
    let planned: Vec<Planned> = declared
        .into_iter()
        .map(|(name, spec)| plan(name, spec, &pools.pools))
        .filter(|planned| !planned.differences.is_empty())
        .collect();
    for planned in &planned {
        out.note(&describe(planned));
    }
    if !dry_run && !planned.is_empty() {
        let what = count_of(planned.len(), "pool");
        yes.or_ask(&format!("Change {what}?"))?;
        for planned in &planned {
            let Planned {
                name,
                spec,
                version,
                ..
            } = planned;
            let put = during("asking Pool", target.pool.put_pool(name, spec, *version)).await;
            put.map_err(|error| Failure::of_call(&format!("change pool {name}"), &error))?;
        }
    }
    let applied: Vec<Applied> = planned
        .iter()
        .map(|planned| Applied {
            pool: planned.name.clone(),
            differences: planned
                .differences
                .iter()
                .map(ToString::to_string)
                .collect(),
        })
        .collect();
    out.answer(&applied, || match (applied.len(), dry_run) {
        (0, _) => "No pool differs from the file.".to_owned(),
        (count, true) => format!("{} would change", count_of(count, "pool")),
        (count, false) => format!("{} {} changed", good("✓"), count_of(count, "pool")),
    })?;
    Ok(Exit::Done)
}

fn read(file: &Path) -> Result<Vec<(PoolName, PoolSpec)>, Failure> {
    let named = |problem: String| Failure::usage(format!("{}: {problem}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| named(error.to_string()))?;
    let all: Value =
        toml_edit::de::from_str(&text).map_err(|error| named(format!("is not TOML: {error}")))?;
    let others = all.as_object().into_iter().flat_map(|all| all.keys());
    if let Some(other) = others.into_iter().find(|name| *name != "pools") {
        let problem = format!("has {other:?}: expected only tables [pools.NAME]");
        return Err(named(problem));
    }
    let tables = all.get("pools").and_then(Value::as_object);
    let tables = tables.ok_or_else(|| named("has no table [pools.NAME]".to_owned()))?;
    tables
        .iter()
        .map(|(name, spec)| {
            let name: PoolName = name.parse().map_err(|error| named(format!("{error}")))?;
            let spec = parse(spec).map_err(|problem| named(format!("pool {name}: {problem}")))?;
            Ok((name, spec))
        })
        .collect()
}

/// Refuses members that this version does not know: a misspelt limit would be no limit.
fn parse(spec: &Value) -> Result<PoolSpec, String> {
    let mut unknown = None;
    let mut track = Track::new();
    let parsed = serde_ignored::deserialize(Tracked::new(spec, &mut track), |path| {
        unknown.get_or_insert_with(|| path.to_string());
    });
    let parsed = parsed.map_err(|error: serde_json::Error| format!("{}: {error}", track.path()))?;
    match unknown {
        Some(member) => Err(format!("there is no member {member}")),
        None => Ok(parsed),
    }
}

fn plan(name: PoolName, spec: PoolSpec, pools: &[PoolView]) -> Planned {
    let found = pools.iter().find(|pool| pool.name == name);
    let before = found.map_or_else(
        || json!(PoolSpec::default()),
        |pool| json!({ "recipe": pool.recipe, "policy": pool.policy }),
    );
    let mut differences = differences(&before, &json!(spec));
    if found.is_none() {
        differences.insert(
            0,
            Difference {
                member: "pool".to_owned(),
                before: None,
                after: Some(name.to_string()),
            },
        );
    }
    Planned {
        version: found.map_or(0, |pool| pool.version),
        differences,
        name,
        spec,
    }
}

fn describe(planned: &Planned) -> String {
    let lines: Vec<String> = planned
        .differences
        .iter()
        .map(|difference| format!("  {}", crate::out::plain(difference)))
        .collect();
    format!("pool {}\n{}", planned.name, lines.join("\n"))
}
