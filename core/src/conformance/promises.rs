//! Tests that the suite and the traits' contracts state the same promises in the same words.

use super::case::Case;

/// The bullets of every contract in the doc comments of a source.
fn contracts(source: &str) -> Vec<String> {
    let mut bullets: Vec<String> = Vec::new();
    let mut within = false;
    for line in source.lines().map(str::trim) {
        let Some(text) = line.strip_prefix("///") else {
            within = false;
            continue;
        };
        let text = text.trim();
        if text == "**Contract**" {
            within = true;
        } else if let Some(bullet) = text.strip_prefix("- ").filter(|_| within) {
            bullets.push(bullet.to_owned());
        } else if let Some(last) = bullets.last_mut().filter(|_| within && !text.is_empty()) {
            last.push(' ');
            last.push_str(text);
        }
    }
    bullets
}

fn assert_same_promises<S>(source: &str, cases: &[Case<S>]) {
    let bullets = contracts(source);
    for case in cases {
        let said = bullets.iter().any(|bullet| bullet == case.promise);
        assert!(said, "no contract says: {}", case.promise);
    }
    for bullet in bullets {
        let tried = cases.iter().any(|case| case.promise == bullet);
        assert!(tried, "no case tries: {bullet}");
    }
}

#[test]
fn every_promise_of_a_tool_has_a_case_and_every_case_a_promise() {
    assert_same_promises(include_str!("../tool.rs"), &super::tool::all());
}

#[test]
fn every_promise_of_an_infra_has_a_case_and_every_case_a_promise() {
    assert_same_promises(include_str!("../infra.rs"), &super::infra::all());
}
