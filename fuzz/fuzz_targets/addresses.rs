//! Database addresses: any is read or refused, and a refusal shows no password.
#![no_main]

use agent_pool_service_kit::db::DatabaseUrl;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = DatabaseUrl::try_from(text.to_owned());
    let _ = DatabaseUrl::try_from(format!("postgres://{text}"));
    let _ = DatabaseUrl::try_from(format!("host=h {text}"));
});
