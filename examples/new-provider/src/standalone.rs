//! The same crate outside the workspace: with versions of its own, and core by path or from git.

use anyhow::Context as _;
use toml_edit::{DocumentMut, Item, TableLike};

use crate::files::Files;
use crate::name::Name;
use crate::template;
use crate::workspace::Workspace;

const CORE: &str = "agent-pool-core";

/// The files of a crate that does not depend on a workspace.
///
/// # Errors
/// The workspace does not state what the template takes from it.
pub(crate) fn tool(
    workspace: &Workspace,
    name: &Name,
    git: Option<&str>,
    mut files: Files,
) -> anyhow::Result<Files> {
    let core = match git {
        Some(url) => ("git", url.to_owned()),
        None => {
            let path = workspace.root().join("core");
            let path = path
                .to_str()
                .context("the path of this checkout is not UTF-8")?;
            ("path", path.to_owned())
        }
    };
    let own = |(path, text): (&'static str, String)| -> anyhow::Result<_> {
        match path {
            "Cargo.toml" => Ok((path, resolved(&text, workspace, &core)?)),
            _ => Ok((path, text)),
        }
    };
    let made: Result<Vec<_>, _> = template::tool(name).map(own).collect();
    files.extend(made?);
    Ok(files)
}

/// The manifest with the values that it inherits from the workspace filled in.
fn resolved(text: &str, workspace: &Workspace, core: &(&str, String)) -> anyhow::Result<String> {
    let mut manifest: DocumentMut = text.parse()?;
    manifest.remove("lints");
    let shared = &workspace.manifest()["workspace"];
    for (table, from) in [
        ("package", "package"),
        ("dependencies", "dependencies"),
        ("dev-dependencies", "dependencies"),
    ] {
        let table = manifest[table]
            .as_table_like_mut()
            .context("the template's manifest has it")?;
        resolve(table, &shared[from], core)?;
    }
    manifest["workspace"] = toml_edit::table();
    Ok(manifest.to_string())
}

fn resolve(
    table: &mut dyn TableLike,
    shared: &Item,
    (kind, place): &(&str, String),
) -> anyhow::Result<()> {
    for (key, entry) in table.iter_mut() {
        let inherited = entry.get("workspace").is_some();
        if !inherited {
            continue;
        }
        let stated = if key.get() == CORE {
            let mut core = toml_edit::InlineTable::new();
            core.insert(*kind, place.as_str().into());
            Item::Value(core.into())
        } else {
            let stated = shared.get(key.get());
            let stated =
                stated.with_context(|| format!("the workspace states no {}", key.get()))?;
            stated.clone()
        };
        let features = entry.get("features").cloned();
        *entry = stated;
        if let Some(features) = features {
            with_features(entry, features);
        }
    }
    Ok(())
}

/// A version alone becomes a table, to have features too.
fn with_features(entry: &mut Item, features: Item) {
    if let Some(version) = entry.as_str() {
        let mut table = toml_edit::InlineTable::new();
        table.insert("version", version.into());
        *entry = Item::Value(table.into());
    }
    entry["features"] = features;
}
