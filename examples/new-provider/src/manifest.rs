//! Changes of a `Cargo.toml` that leave everything else as it is.

use anyhow::Context as _;
use toml_edit::{DocumentMut, Item, Key, Table, Value, value};

/// Adds a member to the workspace, before the first one of the same folder that sorts after it.
///
/// # Errors
/// The manifest is not that of a workspace.
pub(crate) fn add_member(manifest: &mut DocumentMut, member: &str) -> anyhow::Result<()> {
    let members = manifest["workspace"]["members"].as_array_mut();
    let members = members.context("the root's Cargo.toml has no list workspace.members")?;
    let folder = member.split('/').next().unwrap_or_default();
    let names: Vec<&str> = members.iter().filter_map(Value::as_str).collect();
    let beside = |name: &&str| name.split('/').next() == Some(folder);
    let after = names.iter().position(|name| beside(name) && *name > member);
    let last = names.iter().rposition(beside).map(|at| at + 1);
    let at = after.or(last).unwrap_or(names.len());
    let mut entry = Value::from(member);
    entry.decor_mut().set_prefix("\n    ");
    members.insert_formatted(at, entry);
    Ok(())
}

/// Adds the path of a crate to the workspace's dependencies.
///
/// # Errors
/// The manifest has no such table.
pub(crate) fn add_path(
    manifest: &mut DocumentMut,
    package: &str,
    path: &str,
) -> anyhow::Result<()> {
    let table = manifest["workspace"]["dependencies"].as_table_mut();
    let table = table.context("the root's Cargo.toml has no table workspace.dependencies")?;
    let mut inline = toml_edit::InlineTable::new();
    inline.insert("path", path.into());
    insert_sorted(table, package, Item::Value(inline.into()));
    Ok(())
}

/// Adds `package.workspace = true` to a crate's dependencies.
///
/// # Errors
/// The manifest has no dependencies.
pub(crate) fn add_dependency(manifest: &mut DocumentMut, package: &str) -> anyhow::Result<()> {
    let table = manifest["dependencies"].as_table_mut();
    let table = table.context("it has no table dependencies")?;
    let mut dotted = Table::new();
    dotted.set_dotted(true);
    dotted.insert("workspace", value(true));
    insert_sorted(table, package, Item::Table(dotted));
    Ok(())
}

/// Inserts an entry after the last one that has the same first word and sorts before it, and keeps the
/// order of the others.
fn insert_sorted(table: &mut Table, name: &str, item: Item) {
    let word = name.split('-').next().unwrap_or_default();
    let like = |key: &str| key.split('-').next() == Some(word);
    let names: Vec<String> = table.iter().map(|(key, _)| key.to_owned()).collect();
    let before = names
        .iter()
        .rposition(|key| like(key) && key.as_str() < name);
    let first = names.iter().position(|key| like(key));
    let at = before.map(|at| at + 1).or(first).unwrap_or(names.len());
    // A table is written in the order in which its entries were inserted.
    let moved: Vec<(Key, Item)> = names[at..]
        .iter()
        .filter_map(|key| table.remove_entry(key))
        .collect();
    table.insert(name, item);
    for (key, item) in moved {
        table.insert_formatted(&key, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_else_stays_as_it_is() {
        let text = r#"[workspace]
members = [
    "core",
    "providers/alpha",
    "providers/zeta",
    "pool-svc",
]

# Stated once.
[workspace.dependencies]
provider-alpha = { path = "providers/alpha" }
provider-zeta = { path = "providers/zeta" }

anyhow = "1" # errors
serde = { version = "1", features = ["derive"] }

[profile.dev]
debug = false
"#;
        let mut manifest: DocumentMut = text.parse().unwrap();
        add_member(&mut manifest, "providers/mid").unwrap();
        add_path(&mut manifest, "provider-mid", "providers/mid").unwrap();
        let expected = text
            .replace(
                "    \"providers/zeta\",\n",
                "    \"providers/mid\",\n    \"providers/zeta\",\n",
            )
            .replace(
                "provider-zeta = ",
                "provider-mid = { path = \"providers/mid\" }\nprovider-zeta = ",
            );
        assert_eq!(manifest.to_string(), expected);
    }

    #[test]
    fn a_dependency_is_put_beside_its_like_and_last_where_it_is_last() {
        let text = "[dependencies]\nanyhow.workspace = true\nprovider-alpha.workspace = true\nserde = { workspace = true }\n";
        let mut manifest: DocumentMut = text.parse().unwrap();
        add_dependency(&mut manifest, "provider-zeta").unwrap();
        let expected = text.replace("serde", "provider-zeta.workspace = true\nserde");
        assert_eq!(manifest.to_string(), expected);
    }

    #[test]
    fn a_folder_outside_a_workspace_is_reported() {
        let mut manifest: DocumentMut = "[package]\nname = \"x\"\n".parse().unwrap();
        let error = add_member(&mut manifest, "providers/mid").unwrap_err();
        assert!(error.to_string().contains("workspace.members"), "{error}");
    }
}
