//! `kill -9` around every request to a container engine that changes something. All steps:
//! `cargo run -p crash-lab -- containers`.

use std::sync::Arc;

use agent_pool_core::settings::Environment;
use crash_lab::Lab;
use crash_lab::containers::{Plan, run};

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_around_any_change_of_the_engine_leaves_nothing() {
    if let Some(missing) = agent_pool_engine::missing_program() {
        let ci = Environment::of_process().get("CI").is_some();
        assert!(!ci, "{missing} is not installed");
        println!("SKIPPED: {missing} is not installed");
        return;
    }
    let lab = Lab::start(env!("CARGO_BIN_EXE_crash-lab").into()).await;
    let plan = Plan {
        at_once: 3,
        only_changes: true,
    };
    let report = run(&Arc::new(lab.unwrap()), plan).await.unwrap();
    println!("{report}");
    assert!(report.broken() == 0 && report.held() >= 8, "{report}");
}
