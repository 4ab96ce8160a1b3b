//! `docs/provider-guide.md` shows code that is compiled and commands that are run.

#![cfg(test)]

use std::path::{Path, PathBuf};

const LIMIT: usize = 65;
const SOURCES: [&str; 4] = [
    "src/settings.rs",
    "src/tool.rs",
    "src/wire.rs",
    "tests/fake/mod.rs",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The blocks of one language.
fn blocks(language: &str) -> Vec<String> {
    let guide = read("docs/provider-guide.md");
    let fence = format!("```{language}\n");
    let parts = guide.split(&fence).skip(1);
    let blocks = parts.map(|part| part.split("```").next().unwrap().to_owned());
    blocks.collect()
}

#[test]
fn every_block_of_code_is_part_of_a_file_that_is_compiled() {
    let finished = "examples/new-provider/finished";
    let mut texts: Vec<String> = SOURCES
        .map(|file| read(&format!("{finished}/{file}")))
        .into();
    texts.push(read("examples/new-provider/template/tests/conformance.rs"));
    for file in ["src/infra.rs", "src/wire.rs", "tests/fake/mod.rs"] {
        texts.push(read(&format!("examples/new-provider/infra/{file}")));
    }
    let blocks = blocks("rust");
    assert!(blocks.len() >= 10);
    for block in blocks {
        let there = texts.iter().any(|text| text.contains(&block));
        assert!(there, "the guide shows what no file has:\n{block}");
    }
}

/// Redirections and background jobs may differ in CI.
#[test]
fn every_command_is_run_by_ci_in_the_same_order() {
    let script = read(".ci/new-provider");
    let mut rest = script.lines();
    let commands = blocks("sh").concat();
    assert!(commands.lines().count() >= 14);
    for command in commands.lines() {
        let run = rest.any(|line| line.starts_with(command));
        assert!(run, "CI does not run, or not in this order: {command}");
    }
}

/// How many lines of `new` are not lines of `old`, in order: what was written by hand.
fn written(old: &str, new: &str) -> usize {
    let old: Vec<&str> = old.lines().collect();
    let mut kept = vec![0; old.len() + 1];
    for line in new.lines() {
        let mut diagonal = 0;
        for (at, other) in old.iter().enumerate() {
            let above = kept[at + 1];
            kept[at + 1] = match line == *other {
                true => diagonal + 1,
                false => above.max(kept[at]),
            };
            diagonal = above;
        }
    }
    new.lines().count() - kept[old.len()]
}

#[test]
fn it_takes_as_few_lines_by_hand_as_the_guide_says() {
    let lines_of = |file: &str| {
        let folder = "examples/new-provider";
        let [old, new] =
            ["template", "finished"].map(|kind| read(&format!("{folder}/{kind}/{file}")));
        written(&old, &new)
    };
    let code: usize = SOURCES.map(lines_of).iter().sum();
    let all = code + lines_of("Cargo.toml") + lines_of("README.md");
    assert!(all < LIMIT, "{all} lines");
    let said = format!("{code} lines of Rust by hand");
    assert!(
        read("docs/provider-guide.md").contains(&said),
        "the guide does not say: {said}"
    );
}

/// A vendor whose calls start operations, lock the project meanwhile, and give a branch its parent's password.
#[test]
fn a_vendor_with_operations_takes_under_200_lines_by_hand() {
    let lines_of = |file: &str| {
        let folder = "examples/new-provider";
        let old = read(&format!("{folder}/template/{file}"));
        let old = old.replace("Acme", "Neon").replace("ACME", "NEON");
        written(&old, &read(&format!("{folder}/neon/{file}")))
    };
    let code: usize = SOURCES[..3].iter().map(|file| lines_of(file)).sum();
    assert!(code < 200, "{code} lines");
    let fake = lines_of(SOURCES[3]);
    let said = format!("{code} lines of Rust by hand and {fake} of its fake");
    assert!(
        read("docs/provider-guide.md").contains(&said),
        "the guide does not say: {said}"
    );
}

#[test]
fn lines_by_hand_are_the_lines_not_in_the_template() {
    assert_eq!(written("a\nb\nc\n", "a\nx\nc\ny\n"), 2);
    assert_eq!(written("a\nb\n", "b\na\n"), 1);
}
