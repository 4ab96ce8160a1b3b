//! Files `.env`: any is read or refused, and a refusal shows no value.
#![no_main]

use agent_pool_core::settings::Environment;
use agent_pool_service_kit::config::merge_text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let process = || Environment::from_iter([("SET", "process")]);
    let _ = merge_text(process(), text);
    if !text.contains(['\'', '\r']) {
        let quoted = format!("FUZZED='{text}'\n");
        let read = merge_text(process(), &quoted).expect("quotes are literal");
        assert_eq!(read.environment.get("FUZZED").unwrap_or_default(), text);
    }
});
