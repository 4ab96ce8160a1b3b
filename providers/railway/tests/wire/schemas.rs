//! Railway's own schemas, which are stored next to the repository.

use std::path::Path;

use apollo_compiler::Schema;
use apollo_compiler::validation::Valid;
use serde_json::Value;

/// A file of the vendor's contract. Without the contracts nothing can be checked: this is a failure in CI, and a
/// message elsewhere.
fn contract(file: &str) -> Option<String> {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/contracts/railway"
    );
    match std::fs::read_to_string(Path::new(folder).join(file)) {
        Ok(text) => Some(text),
        Err(error) if std::env::var_os("CI").is_some() => panic!("{folder}/{file}: {error}"),
        Err(error) => {
            eprintln!("SKIPPED, NOTHING CHECKED: {folder}/{file}: {error}");
            None
        }
    }
}

pub(crate) fn graphql() -> Option<Valid<Schema>> {
    let text = contract("schema.graphql")?;
    Some(Schema::parse_and_validate(text, "schema.graphql").unwrap())
}

/// Asserts that patches of an environment's config match Railway's schema.
#[track_caller]
pub(crate) fn assert_patches<'a>(patches: impl IntoIterator<Item = &'a Value>) {
    let Some(text) = contract("environment-config.schema.json") else {
        return;
    };
    let schema = serde_json::from_str(&text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for patch in patches {
        let faults: Vec<_> = validator
            .iter_errors(patch)
            .map(|fault| fault.to_string())
            .collect();
        assert!(faults.is_empty(), "{faults:?}");
    }
}
