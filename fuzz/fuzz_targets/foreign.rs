//! Foreign text, waits of vendors, and escaped values.
#![no_main]

use agent_pool_core::http::retry_after;
use agent_pool_core::{escape_value, is_unsafe, safe_line, safe_text, unescape_value};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let line = safe_line(text, 40);
    assert!(line.chars().count() <= 41 && !line.chars().any(is_unsafe));
    let safe = safe_text(text, 40);
    assert!(!safe.chars().any(|c| is_unsafe(c) && c != '\n' && c != '\t'));
    let _ = retry_after::parse(text);
    assert_eq!(unescape_value(&escape_value(text)), text);
    let _ = unescape_value(text);
});
