//! `poolctl pools list` and `show`.

use agent_pool_core::wire::pool::{Policy, PoolVersion, PoolView};
use agent_pool_core::{PoolName, ToolId};
use chrono::Utc;
use serde::Serialize;
use serde_json::Value;

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, Table, ago, cell, during};

pub(super) async fn list(out: Out, target: &Target) -> Result<Exit, Failure> {
    let pools = during("asking Pool", target.pool.pools()).await;
    let pools = pools.map_err(|error| Failure::of_call("list the pools", &error))?;
    out.answer(&pools, || table(&pools.pools))?;
    Ok(Exit::Done)
}

fn table(pools: &[PoolView]) -> String {
    let head = [
        "POOL", "TARGET", "LIMIT", "IDLE", "STARTING", "CLAIMED", "CRASHED", "WAITING", "STATE",
    ];
    let mut table = Table::new(&head).keep(&[0]);
    for pool in pools {
        let counts = pool.counts;
        table.row([
            cell(&pool.name),
            cell(pool.target),
            cell(pool.max_total),
            cell(counts.idle),
            cell(counts.starting),
            cell(counts.claimed + counts.claiming),
            cell(counts.crashed),
            cell(pool.waiting),
            cell(state(pool)),
        ]);
    }
    table.to_string()
}

fn list_tools(tools: &[ToolId]) -> String {
    let words: Vec<&str> = tools.iter().map(ToolId::as_str).collect();
    match words.len() {
        0 => "none".to_owned(),
        _ => words.join(", "),
    }
}

fn state(pool: &PoolView) -> &'static str {
    let hold = pool.hold.as_ref();
    hold.map_or("active", |hold| hold.cause.as_str())
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    #[serde(flatten)]
    pool: PoolView,
    versions: Vec<PoolVersion>,
}

pub(super) async fn show(name: &PoolName, out: Out, target: &Target) -> Result<Exit, Failure> {
    let doing = format!("show pool {name}");
    let pool = during("asking Pool", target.pool.pool(name)).await;
    let pool = pool.map_err(|error| Failure::of_call(&doing, &error))?;
    let versions = during("asking Pool", target.pool.pool_versions(name)).await;
    let versions = versions.map_err(|error| Failure::of_call(&doing, &error))?;
    let shown = Shown {
        pool,
        versions: versions.versions,
    };
    out.answer(&shown, || details(&shown))?;
    Ok(Exit::Done)
}

fn details(shown: &Shown) -> String {
    let Shown { pool, versions } = shown;
    let mut text = table(std::slice::from_ref(pool));
    let usual = || "from the settings".to_owned();
    let recipe = &pool.recipe;
    let infra = recipe.infra.as_ref().map(ToString::to_string);
    let mut lines = vec![
        ("Infra".to_owned(), infra.unwrap_or_else(usual)),
        (
            "Image".to_owned(),
            recipe.image.clone().unwrap_or_else(usual),
        ),
    ];
    for (label, tools) in recipe.tools_by_phase() {
        lines.push((label.to_owned(), tools.map_or_else(usual, list_tools)));
    }
    for (name, value) in &recipe.infra_options {
        lines.push(("Infra option".to_owned(), format!("{name}={value}")));
    }
    for (name, value) in &recipe.variables {
        lines.push(("Variable".to_owned(), format!("{}={value}", name.as_str())));
    }
    lines.extend(members(&pool.policy));
    if let Some(hold) = &pool.hold {
        lines.push(("Held".to_owned(), hold.reason.clone()));
    }
    text.push('\n');
    for (label, value) in lines {
        text.push_str(&format!("\n{label:<18} {}", crate::out::plain(&value)));
    }
    let mut table = Table::new(&["VERSION", "CHANGED", "BY"]);
    for version in versions {
        table.row([
            cell(version.version),
            cell(ago(version.changed_at, Utc::now())),
            cell(version.changed_by.as_deref().unwrap_or("-")),
        ]);
    }
    if !versions.is_empty() {
        text.push_str(&format!("\n\n{table}"));
    }
    text
}

/// The members of a policy that are set, by their names in the API.
fn members(policy: &Policy) -> Vec<(String, String)> {
    let Ok(Value::Object(members)) = serde_json::to_value(policy) else {
        return Vec::new();
    };
    let set = members
        .into_iter()
        .filter(|(_, value)| !value.is_null() && *value != Value::Bool(false));
    let set = set.map(|(name, value)| {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        (name, text)
    });
    set.collect()
}
