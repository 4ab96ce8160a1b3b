//! docs/security.md names a test for each threat, and each test that it names exists.
#![expect(
    clippy::unwrap_used,
    reason = "the exception for tests does not reach the functions that they call"
)]

use std::collections::HashSet;
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The names of all functions in the sources.
fn functions(folder: &Path, names: &mut HashSet<String>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name().into_string().unwrap_or_default();
        if path.is_dir() {
            if !name.starts_with('.') && !name.starts_with("target") {
                functions(&path, names);
            }
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(&path).unwrap();
            let after = text.split("fn ").skip(1);
            let identifier = |rest: &str| {
                let of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                rest.chars()
                    .take_while(|c| of_a_name(*c))
                    .collect::<String>()
            };
            names.extend(after.map(identifier));
        }
    }
}

#[test]
fn every_threat_names_tests_that_exist() {
    let mut known = HashSet::new();
    functions(root(), &mut known);
    let page = fs::read_to_string(root().join("docs/security.md")).unwrap();
    // The last section describes an attack, not tests.
    let threats = page.split("## Attacks").next().unwrap();
    let rows = threats
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| threat"));
    let mut seen = 0;
    for row in rows {
        let tests = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test: {row}");
        for name in named {
            assert!(known.contains(name), "there is no test {name}: {row}");
            seen += 1;
        }
    }
    assert!(seen > 30, "the page lists only {seen} tests");
}
