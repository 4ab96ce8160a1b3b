//! Every migration is safe while the previous version still serves: it only adds.
//!
//! Replicas are replaced one after another, and the first new one migrates. The statements of the old ones then run against
//! the new schema: they name its tables and columns, and leave out columns that they do not know. What would fail them is
//! recognised by the text of a migration, without binaries of the previous version.

#![cfg(test)]

use std::fs;
use std::path::Path;

/// Migrations that may tighten a rule, and why no statement of the previous version breaks it.
const ALLOWED: [(&str, &str); 3] = [
    (
        "2026-11-28-180005_bound_texts_of_instances",
        "the previous version limited what it stored, except answers of runtimes, whose claims then fail",
    ),
    (
        "2026-11-28-204107_relax_lengths_of_sealed_texts",
        "the same rule, looser",
    ),
    (
        "2026-11-29-190010_add_past_to_cost_ledger",
        "the same rule with one more kind",
    ),
];

/// The statements of a migration, in upper case, without comments and line ends.
fn statements(sql: &str) -> Vec<String> {
    let lines = sql
        .lines()
        .map(|line| line.split("--").next().unwrap_or(""));
    let text = lines.collect::<Vec<_>>().join(" ").to_uppercase();
    let statements = text.split(';').map(|statement| {
        let words: Vec<&str> = statement.split_whitespace().collect();
        words.join(" ")
    });
    statements.filter(|one| !one.is_empty()).collect()
}

/// The parts of a statement between commas that are outside brackets.
fn clauses(statement: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut depth = 0_usize;
    for letter in statement.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                all.push(String::new());
                continue;
            }
            _ => {}
        }
        all.last_mut().unwrap().push(letter);
    }
    all
}

/// The parts of a statement that would break the previous version; `created` are tables of the same migration.
fn faults(statement: &str, created: &[String]) -> Vec<String> {
    let on_new_table = |table: &str| created.iter().any(|new| new == table);
    let words: Vec<&str> = statement.split_whitespace().collect();
    match words[..] {
        ["DROP", "INDEX", ..] => Vec::new(),
        ["DROP" | "TRUNCATE", ..] => vec![statement.to_owned()],
        ["CREATE", "UNIQUE", "INDEX", ..] => {
            let after_on = words.iter().skip_while(|word| **word != "ON").nth(1);
            let table = after_on.map_or("", |table| table.trim_end_matches('('));
            if on_new_table(table) {
                Vec::new()
            } else {
                vec![statement.to_owned()]
            }
        }
        ["ALTER", "TABLE", table, ..] if !on_new_table(table) => {
            let changes = statement.split_once(table).map_or("", |(_, rest)| rest);
            let changes = clauses(changes).into_iter();
            changes.filter(|change| breaks(change)).collect()
        }
        _ => Vec::new(),
    }
}

fn breaks(change: &str) -> bool {
    let has = |words: &str| change.contains(words);
    let takes_away = [
        "DROP COLUMN",
        "RENAME",
        " TYPE ",
        "SET NOT NULL",
        "DROP DEFAULT",
    ];
    let tightens = has("ADD CONSTRAINT") || has("ADD CHECK") || has("ADD UNIQUE");
    let required = has("ADD COLUMN") && has("NOT NULL") && !has("DEFAULT");
    takes_away.iter().any(|words| has(words)) || tightens || required
}

fn faults_of(sql: &str) -> Vec<String> {
    let statements = statements(sql);
    let created = statements.iter().filter_map(|statement| {
        let rest = statement.strip_prefix("CREATE TABLE ")?;
        let rest = rest.strip_prefix("IF NOT EXISTS ").unwrap_or(rest);
        Some(rest.split([' ', '(']).next()?.to_owned())
    });
    let created: Vec<String> = created.collect();
    let faults = statements.iter().flat_map(|one| faults(one, &created));
    faults.collect()
}

#[test]
fn migrations_are_safe_while_the_previous_version_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let mut read = 0;
    for service in ["pool", "services"] {
        for folder in fs::read_dir(root.join(service)).unwrap() {
            let folder = folder.unwrap().path();
            let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
            let sql = fs::read_to_string(folder.join("up.sql")).unwrap();
            let faults = faults_of(&sql);
            let allowed = ALLOWED.iter().any(|(allowed, _)| *allowed == name);
            assert!(faults.is_empty() || allowed, "{service}/{name}: {faults:?}");
            read += 1;
        }
    }
    assert!(read > 20, "{read}");
    for (name, _) in ALLOWED {
        assert!(root.join("pool").join(name).exists(), "{name} is missing");
    }
}

#[test]
fn statements_that_break_the_previous_version_are_recognised() {
    for bad in [
        "ALTER TABLE instances DROP COLUMN url;",
        "alter table instances rename url to address;",
        "ALTER TABLE instances ADD COLUMN a int, ALTER COLUMN url TYPE varchar(9);",
        "ALTER TABLE instances ADD COLUMN size int NOT NULL;",
        "ALTER TABLE instances ALTER COLUMN url SET NOT NULL;",
        "ALTER TABLE instances ADD CONSTRAINT a CHECK (url <> '');",
        "CREATE UNIQUE INDEX a ON instances (url);",
        "DROP TABLE instances;",
    ] {
        assert_eq!(faults_of(bad).len(), 1, "{bad}");
    }
    for good in [
        "-- DROP TABLE instances;\nALTER TABLE instances ADD COLUMN size int NOT NULL DEFAULT (1 + 2), ADD COLUMN b text;",
        "CREATE TABLE a (b text NOT NULL);\nALTER TABLE a ADD CONSTRAINT c CHECK (b <> '');\nCREATE UNIQUE INDEX d ON a (b);",
        "CREATE INDEX CONCURRENTLY a ON instances (url); DROP INDEX b;",
        "ALTER TABLE instances DROP CONSTRAINT a;",
        "UPDATE instances SET url = NULL WHERE url IS NOT NULL;",
    ] {
        assert_eq!(faults_of(good), Vec::<String>::new(), "{good}");
    }
}
