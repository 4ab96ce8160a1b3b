//! Every dependency is one that `deny.toml` allows. `cargo deny check` reads the same file and checks more; this
//! test needs nothing but cargo.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use spdx::{Expression, ParseMode};
use toml_edit::{DocumentMut, Item};

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn rules() -> DocumentMut {
    let text = std::fs::read_to_string(root().join("deny.toml")).unwrap();
    text.parse().unwrap()
}

/// The texts of a list of the rules; of a list of tables, the member `crate` of each.
fn texts<'a>(list: &'a Item) -> BTreeSet<&'a str> {
    let text = |item: &'a toml_edit::Value| {
        let table = item.as_inline_table();
        table.map_or(item.as_str(), |table| table.get("crate")?.as_str())
    };
    list.as_array().unwrap().iter().filter_map(text).collect()
}

/// What cargo prints about the workspace.
fn cargo(arguments: &[&str]) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments).arg("--locked").current_dir(root());
    let output = cargo.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "cargo {arguments:?} failed: {errors}"
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The packages that are not members of the workspace.
fn packages() -> Vec<Value> {
    let metadata = cargo(&["metadata", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let mut packages = metadata["packages"].as_array().unwrap().clone();
    packages.retain(|package| !package["source"].is_null());
    assert!(packages.len() > 100);
    packages
}

fn name(package: &Value) -> &str {
    package["name"].as_str().unwrap()
}

#[test]
fn every_licence_is_allowed() {
    let rules = rules();
    let allowed = texts(&rules["licenses"]["allow"]);
    let clarified = rules["licenses"]["clarify"].as_array_of_tables().unwrap();
    let clarified: BTreeMap<&str, &str> = clarified
        .iter()
        .map(|one| {
            (
                one["crate"].as_str().unwrap(),
                one["expression"].as_str().unwrap(),
            )
        })
        .collect();
    for package in packages() {
        let name = name(&package);
        let stated = package["license"].as_str().or(clarified.get(name).copied());
        let stated = stated.unwrap_or_else(|| {
            panic!("{name} states no licence: see licenses.clarify in deny.toml")
        });
        let licence = Expression::parse_mode(stated, ParseMode::LAX).unwrap();
        let fits = licence.evaluate(|part| allowed.contains(part.to_string().as_str()));
        assert!(fits, "{name}: deny.toml does not allow {stated}");
    }
}

#[test]
fn every_dependency_comes_from_crates_io_and_none_is_banned() {
    let rules = rules();
    let banned = texts(&rules["bans"]["deny"]);
    for package in packages() {
        let name = name(&package);
        assert_eq!(package["source"], CRATES_IO, "{name}");
        assert!(!banned.contains(name), "deny.toml bans {name}");
    }
}

/// Two versions of one crate are compiled twice. Dependencies only of tests or other platforms do not count.
#[test]
fn no_crate_has_two_versions_unless_deny_toml_says_so() {
    let rules = rules();
    let expected = texts(&rules["bans"]["skip"]);
    let output = cargo(&[
        "tree",
        "--workspace",
        "--edges",
        "normal",
        "--target",
        "x86_64-unknown-linux-gnu",
        "--duplicates",
        "--depth",
        "0",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in output.lines() {
        if let Some((name, rest)) = line.split_once(' ') {
            let version = rest.split_whitespace().next();
            versions.entry(name).or_default().extend(version);
        }
    }
    let twice = versions.iter().filter(|(_, versions)| versions.len() > 1);
    let twice: BTreeSet<&str> = twice.map(|(name, _)| *name).collect();
    let new: Vec<_> = twice.difference(&expected).collect();
    assert!(
        new.is_empty(),
        "several versions of {new:?}: update what depends on the older one, or list it under bans.skip in deny.toml"
    );
    let old: Vec<_> = expected.difference(&twice).collect();
    assert!(
        old.is_empty(),
        "bans.skip in deny.toml lists crates that have one version: {old:?}"
    );
}
