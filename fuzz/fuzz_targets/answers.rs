//! Answers of runtimes and of our own services: any is read or refused, and what is read comes back.
#![no_main]

use agent_pool_core::wire::pool::{ClaimOutcome, Events, PoolStatus};
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::runtime::{Acceptance, Health, ProvisionRequest, Provisioned};
use agent_pool_core::wire::services::{
    InstanceDetails, InstanceDocument, RegistryReply, StatusBatch, SweepReport,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|answer: &[u8]| {
    macro_rules! check {
        ($($answer:ty),*) => {$(
            if let Ok(read) = serde_json::from_slice::<$answer>(answer) {
                let written = serde_json::to_vec(&read).expect("it is JSON");
                let again: $answer = serde_json::from_slice(&written).expect("it was written by us");
                assert_eq!(again, read);
            }
        )*};
    }
    check!(
        Health,
        Provisioned,
        Acceptance,
        ProvisionRequest,
        ClaimOutcome,
        PoolStatus,
        Events,
        InstanceDetails,
        InstanceDocument,
        RegistryReply,
        StatusBatch,
        SweepReport
    );
    if let Ok(problem) = serde_json::from_slice::<Problem>(answer) {
        assert!(problem.code.as_str().chars().all(|c| c.is_ascii_graphic()));
    }
});
