//! Linking a new crate: into the workspace, and into the binaries that name providers.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::files::Files;
use crate::manifest::{add_dependency, add_member, add_path};
use crate::name::Name;
use crate::workspace::{Workspace, document, text};

/// The crates that name providers, each with the file that does.
const DISTRIBUTIONS: [(&str, &str); 2] = [
    ("services-svc", "src/main.rs"),
    ("stack", "src/distribution.rs"),
];

/// Adds the changes that name the new crate to `files`.
///
/// # Errors
/// A file of the workspace that is not as expected.
pub(crate) fn provider(
    workspace: &Workspace,
    name: &Name,
    files: &mut Files,
) -> anyhow::Result<()> {
    let folder = format!("providers/{}", name.id());
    let mut root = workspace.manifest().clone();
    add_member(&mut root, &folder)?;
    add_path(&mut root, &name.package(), &folder)?;
    files.change(workspace.root().join("Cargo.toml"), root.to_string());
    for (binary, source) in DISTRIBUTIONS {
        let path = |file: &str| -> PathBuf { workspace.root().join(binary).join(file) };
        let mut manifest = document(&path("Cargo.toml"))?;
        add_dependency(&mut manifest, &name.package())
            .with_context(|| path("Cargo.toml").display().to_string())?;
        files.change(path("Cargo.toml"), manifest.to_string());
        let linked = with_link(&text(&path(source))?, &name.library());
        let linked = linked.with_context(|| path(source).display().to_string())?;
        files.change(path(source), linked);
    }
    Ok(())
}

/// The source of a distribution that names one more crate, in alphabetical order.
fn with_link(source: &str, library: &str) -> anyhow::Result<String> {
    let linked = |line: &str| -> Vec<String> {
        let items = line.split([',', '{', '}', ';']);
        let names = items.filter_map(|item| item.trim().strip_suffix(" as _"));
        names
            .map(|name| name.trim_start_matches("use ").to_owned())
            .collect()
    };
    let names: Vec<String> = source.lines().flat_map(linked).collect();
    let providers = || names.iter().filter(|name| name.starts_with("provider_"));
    let after = providers().rfind(|name| name.as_str() < library);
    let (beside, behind) = match after {
        Some(name) => (name, true),
        None => (
            providers()
                .next()
                .context("it names no provider: expected `use { provider_… as _, };`")?,
            false,
        ),
    };
    let item = format!("{beside} as _");
    let statement = format!("use {item};");
    let (old, new) = if source.contains(&statement) {
        (statement, format!("use {library} as _;"))
    } else {
        (item, format!("{library} as _"))
    };
    let separator = if old.ends_with(';') { "\n" } else { ", " };
    let both = if behind {
        [old.as_str(), &new]
    } else {
        [new.as_str(), &old]
    };
    Ok(source.replacen(&old, &both.join(separator), 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_named_beside_the_others() {
        let group = "use a as _;\nuse {\n    provider_b as _, provider_d as _,\n};\n";
        let named = |library| with_link(group, library).unwrap();
        assert!(named("provider_c").contains("provider_b as _, provider_c as _, provider_d as _,"));
        assert!(named("provider_a").contains("{\n    provider_a as _, provider_b as _,"));
        assert!(named("provider_e").contains("provider_d as _, provider_e as _,\n}"));
        let lines = "use mock_provider as _;\nuse provider_b as _;\n\nfn main() {}\n";
        let expected =
            "use mock_provider as _;\nuse provider_b as _;\nuse provider_c as _;\n\nfn main() {}\n";
        assert_eq!(with_link(lines, "provider_c").unwrap(), expected);
    }

    #[test]
    fn a_source_without_providers_is_refused() {
        let error = with_link("fn main() {}", "provider_a").unwrap_err();
        assert!(error.to_string().contains("names no provider"), "{error}");
    }
}
