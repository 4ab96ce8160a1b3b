//! The vendors' contracts, which are stored beside the repository.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::path::Path;

use serde_json::Value;

/// A file of the contracts. Without it, the test is reported as skipped, and fails in CI.
pub(crate) fn text(name: &str) -> Option<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/contracts");
    match std::fs::read_to_string(folder.join(name)) {
        Ok(text) => Some(text),
        Err(error) => {
            let ci = std::env::vars_os().any(|(variable, _)| variable == "CI");
            assert!(!ci, "{name} cannot be read: {error}");
            eprintln!("\n*** SKIPPED: {name} cannot be read ({error}); nothing was checked ***\n");
            None
        }
    }
}

/// A JSON file of the contracts.
pub(crate) fn json(name: &str) -> Option<Value> {
    text(name).map(|text| serde_json::from_str(&text).unwrap())
}
