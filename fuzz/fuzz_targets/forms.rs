//! Forms and queries.
#![no_main]

use std::collections::BTreeMap;

use agent_pool_core::wire::pool::ClaimRequest;
use agent_pool_service_kit::body::parse_form;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|form: &[u8]| {
    for problem in [
        parse_form::<BTreeMap<String, String>>(form).err(),
        parse_form::<ClaimRequest>(form).err(),
    ] {
        assert!(problem.is_none_or(|problem| problem.status == 400));
    }
});
