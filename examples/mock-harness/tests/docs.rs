//! The pages for people: short enough to read, and every file that they name exists.

#![cfg(test)]

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

/// Maximum number of lines of the README.
const README_LINES: usize = 150;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn pages() -> Vec<PathBuf> {
    let docs = root().join("docs").read_dir().unwrap();
    let docs = docs.map(|entry| entry.unwrap().path());
    let docs = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    ["README.md", "CONTRIBUTING.md"]
        .map(|name| root().join(name))
        .into_iter()
        .chain(docs)
        .collect()
}

/// The targets of the page's links, without addresses and anchors.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1);
    targets
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains("://"))
}

/// The files and folders of this repository that the page names in code, such as `core/src/mark.rs`.
fn named_paths(text: &str) -> impl Iterator<Item = &str> {
    let tops = [
        "core/",
        "client/",
        "providers/",
        "service-kit/",
        "services-svc/",
        "pool-svc/",
    ];
    let more = ["stack/", "poolctl/", "migrations/", "examples/", "docs/"];
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(move |code| tops.iter().chain(&more).any(|top| code.starts_with(top)))
        .filter(|code| !code.contains(['<', '*', ' ', '{']))
}

#[test]
fn the_readme_fits_on_a_screen_per_reader() {
    let lines = read_to_string(root().join("README.md"))
        .unwrap()
        .lines()
        .count();
    assert!(lines <= README_LINES, "README.md has {lines} lines");
}

#[test]
fn every_link_and_path_of_the_pages_exists() {
    let mut missing = Vec::new();
    for page in pages() {
        let text = read_to_string(&page).unwrap();
        let folder = page.parent().unwrap();
        let linked = links(&text).map(|link| folder.join(link));
        // A new provider's crate is made by following the guide.
        let named = named_paths(&text)
            .filter(|path| !path.contains("acme"))
            .map(|path| root().join(path));
        let absent = linked.chain(named).filter(|path| !path.exists());
        missing.extend(absent.map(|path| format!("{}: {}", page.display(), path.display())));
    }
    assert!(
        missing.is_empty(),
        "these files do not exist:\n{}",
        missing.join("\n")
    );
}
