//! `sweep`. One test, because every sweep sees what all vendors have. Resources that other tests destroy
//! meanwhile may be missing for a moment, so sweeps are repeated.

use std::process::Command;

use fake_cloud::{Effect, FaultRule, Times, Vendor};
use serde_json::Value;

use crate::process::Ran;
use crate::stack::{KEY, Pool, eventually, shared, without_other_sweeps};

/// Tools of a developer whose grant has ended: orphans.
fn make_orphan() {
    let url = format!("{}provision-local", shared().services.url());
    let header = format!("Authorization: Bearer {KEY}");
    let body = r#"{"tools":["agentmail"]}"#;
    let made = Command::new("curl")
        .args([
            "-sSf",
            "-X",
            "POST",
            &url,
            "-H",
            &header,
            "-H",
            "Content-Type: application/json",
            "-d",
            body,
        ])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

fn orphans(ran: &Ran) -> Vec<Value> {
    ran.json()["orphans"].as_array().unwrap().clone()
}

/// Sweeps until the report for people contains this text. Returns the report.
fn sweep_until(pool: &Pool, text: &str) -> String {
    eventually(|| {
        let report = pool.run(&["sweep", "--human"]).done().stdout;
        if report.contains(text) {
            Ok(report)
        } else {
            Err(report)
        }
    })
}

#[test]
fn orphans_are_reported_and_destroyed_when_that_is_asked_for() {
    let _alone = without_other_sweeps();
    let pool = Pool::empty();
    pool.run(&["sweep", "--destroy", "--yes"]).done();
    make_orphan();
    let reported = pool.run(&["sweep"]).done();
    let found = orphans(&reported);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (&found[0]["provider"], &found[0]["destroyed"]),
        (&"agentmail".into(), &false.into())
    );
    assert_eq!(orphans(&pool.run(&["sweep", "--last"]).done()).len(), 1);
    let summary = "1 orphan, 0 missing resources; `poolctl sweep --destroy`";
    let table = sweep_until(&pool, summary);
    assert!(table.contains("\norphan  agentmail"), "{table}");

    let destroyed = pool.run(&["sweep", "--destroy", "--human"]).done().stdout;
    assert!(destroyed.contains("orphan, destroyed"), "{destroyed}");
    let clean = sweep_until(&pool, "No orphans, nothing missing.");
    assert!(clean.starts_with("✓ "), "{clean}");

    // Not at what makes and deletes the inboxes of other tests.
    for operation in ["inboxes_list", "auth_me"] {
        let refusing = FaultRule::new(Vendor::AgentMail, Effect::status(401));
        let refusing = refusing.at(operation).times(Times::Always);
        shared().cloud.fault(refusing);
    }
    let unswept = pool.run(&["sweep"]);
    let output = pool.run(&["sweep", "--human"]);
    let doctor = pool.run(&["doctor"]);
    shared().cloud.clear_faults();
    assert_eq!(unswept.code, 1, "an unswept vendor may have orphans");
    assert!(
        unswept.json()["failures"]["agentmail"].is_string(),
        "{unswept:?}"
    );
    assert!(
        output.stdout.starts_with("! agentmail was not swept: "),
        "{output:?}"
    );
    assert_eq!(doctor.code, 1);
    let checks = doctor.json()["checks"].as_array().unwrap().clone();
    let refused = checks.iter().find(|it| it["name"] == "agentmail").unwrap();
    assert_eq!(refused["verdict"], "fail");
    assert!(
        refused["todo"]
            .as_str()
            .unwrap()
            .contains("AGENTMAIL_API_KEY"),
        "{refused}"
    );
}
