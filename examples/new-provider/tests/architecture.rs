//! `docs/architecture.md` shows the crates and their dependencies as in the manifests.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use agent_pool_core::settings::Environment;
use toml_edit::DocumentMut;

const AGAIN: &str = "UPDATE=1 cargo test -p new-provider --test architecture";
const BEGIN: &str = "<!-- crates: generated; update them with: ";
const END: &str = "<!-- end of crates -->";

/// One member of the workspace.
struct Member {
    folder: String,
    description: String,
    /// The members that it depends on, without those of its tests.
    needs: BTreeSet<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn manifest(folder: &Path) -> DocumentMut {
    let text = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    text.parse().unwrap()
}

/// Every member by its package's name.
fn members() -> BTreeMap<String, Member> {
    let workspace = manifest(&root());
    let folders = workspace["workspace"]["members"].as_array().unwrap().iter();
    let read = |folder: &str| {
        let manifest = manifest(&root().join(folder));
        let package = |key: &str| manifest["package"][key].as_str().unwrap().to_owned();
        let needs = manifest["dependencies"].as_table().unwrap().iter();
        let member = Member {
            folder: folder.to_owned(),
            description: package("description"),
            needs: needs.map(|(name, _)| name.to_owned()).collect(),
        };
        (package("name"), member)
    };
    let mut members: BTreeMap<_, _> = folders
        .map(|folder| read(folder.as_str().unwrap()))
        .collect();
    let names: BTreeSet<String> = members.keys().cloned().collect();
    for member in members.values_mut() {
        member.needs.retain(|name| names.contains(name));
    }
    members
}

/// All direct and indirect dependencies of a member.
fn reach(members: &BTreeMap<String, Member>, name: &str) -> BTreeSet<String> {
    let direct = &members[name].needs;
    let indirect = direct.iter().flat_map(|one| reach(members, one));
    indirect.chain(direct.iter().cloned()).collect()
}

/// An arrow for each dependency that does not follow from the others.
fn drawing(members: &BTreeMap<String, Member>) -> String {
    let mut text = "```mermaid\nflowchart TD\n    subgraph providers\n".to_owned();
    let provider = |member: &Member| member.folder.starts_with("providers/");
    for (name, _) in members.iter().filter(|(_, member)| provider(member)) {
        let _ = writeln!(text, "        {name}");
    }
    text += "    end\n";
    for (name, member) in members {
        let follows: BTreeSet<String> = member
            .needs
            .iter()
            .flat_map(|one| reach(members, one))
            .collect();
        for need in member.needs.difference(&follows) {
            let _ = writeln!(text, "    {name} --> {need}");
        }
    }
    text + "```\n"
}

fn table(members: &BTreeMap<String, Member>) -> String {
    let mut rows: Vec<_> = members.iter().collect();
    rows.sort_by_key(|(_, member)| &member.folder);
    let row = |(name, member): (&String, &Member)| {
        format!(
            "| `{}` | `{name}` | {} |\n",
            member.folder, member.description
        )
    };
    let rows: String = rows.into_iter().map(row).collect();
    format!("| folder | crate | description |\n|---|---|---|\n{rows}")
}

#[test]
fn the_page_draws_the_crates_as_they_are() {
    let path = root().join("docs/architecture.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let members = members();
    let crates = format!("{}\n{}", table(&members), drawing(&members));
    let wanted = format!("{before}{BEGIN}{AGAIN} -->\n\n{crates}\n{END}{after}");
    if Environment::of_process().get("UPDATE").is_some() {
        std::fs::write(&path, &wanted).unwrap();
        return;
    }
    assert!(
        page == wanted,
        "docs/architecture.md is out of date; update it with: {AGAIN}\n{crates}"
    );
}

/// A path that is quoted on the page, such as `pool-svc/src/lifecycle.rs`, leads somewhere.
#[test]
fn every_file_that_the_page_names_is_there() {
    let page = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let quoted = page.split('`').skip(1).step_by(2);
    let paths: Vec<&str> = quoted
        .filter(|text| text.contains('/') && text.ends_with(".rs"))
        .collect();
    assert!(paths.len() >= 8, "{paths:?}");
    for path in paths {
        assert!(root().join(path).is_file(), "there is no {path}");
    }
}

#[test]
fn dependencies_point_one_way() {
    let members = members();
    let of = |name: &str| reach(&members, name);
    assert!(of("agent-pool-core").is_empty());
    assert_eq!(
        of("agent-pool-service-kit"),
        ["agent-pool-core".to_owned()].into()
    );
    assert!(!of("pool-svc").contains("services-svc") && !of("services-svc").contains("pool-svc"));
    for (name, member) in &members {
        if member.folder.starts_with("providers/")
            && name.starts_with("provider-")
            && name != "provider-test-kit"
        {
            assert_eq!(of(name), ["agent-pool-core".to_owned()].into(), "{name}");
        }
    }
}
