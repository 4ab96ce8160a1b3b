//! Bodies of our APIs, as the services parse them: any is taken, or refused with a 4xx.
#![no_main]

use agent_pool_core::wire::pool::{ClaimRequest, DrainRequest, ReplenishRequest};
use agent_pool_core::wire::runtime::Acceptance;
use agent_pool_core::wire::services::{
    ConfigureRequest, CreateInstanceRequest, ProvisionLocalRequest, ProvisionToolRequest,
    StatusBatchRequest, SweepRequest,
};
use agent_pool_service_kit::body::parse_json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    macro_rules! check {
        ($($body:ty),*) => {$(
            if let Err(problem) = parse_json::<$body>(body) {
                assert!((400..500).contains(&problem.status));
            }
        )*};
    }
    check!(
        ClaimRequest,
        DrainRequest,
        ReplenishRequest,
        Acceptance,
        ConfigureRequest,
        CreateInstanceRequest,
        ProvisionLocalRequest,
        ProvisionToolRequest,
        StatusBatchRequest,
        SweepRequest
    );
});
