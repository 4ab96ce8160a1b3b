//! axe-core, which finds violations of accessibility.

use std::path::Path;

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::chrome::skip_or_fail;

/// The script of axe-core. Without it, the test is reported as skipped, and fails in CI.
pub(crate) fn axe() -> Option<String> {
    let file = "tests/browser/node_modules/axe-core/axe.min.js";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(file).ok();
    if text.is_none() {
        skip_or_fail("no axe-core (npm ci --prefix pool-svc/tests/browser)");
    }
    text
}

/// Asserts that axe-core finds no violation, not even a minor one.
pub(crate) async fn assert_accessible(browser: &Browser<'_>, axe: &str, what: &str) {
    browser.script(axe, json!([])).await;
    let run = "const done = arguments[0];
        axe.run().then(found => done(found.violations.map(it =>
            [it.impact, it.id, it.help, it.nodes.map(node => node.html + ' ' + node.failureSummary)])))";
    let found = browser.script_async(run, json!([])).await;
    assert_eq!(found, Value::Array(Vec::new()), "{what}: {found:#}");
}
