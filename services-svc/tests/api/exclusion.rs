//! Tests that only one operation at a time works on an instance, and that each runs to its end.

use std::time::Duration;

use agent_pool_core::ErrorKind;
use agent_pool_service_kit::testing::eventually;
use reqwest::Method;
use serde_json::json;

use crate::support::{KEY, PATIENCE, Service, When, creation, id};

#[tokio::test]
async fn a_second_operation_on_an_instance_is_told_to_wait_also_by_another_replica() {
    let service = Service::start().await;
    let replica = service.replica().await;
    service.world.hold("cellar create");
    let second = async {
        service.world.called("cellar create", 1).await;
        service
            .create(&id(1), &[])
            .await
            .is_problem(409, "instance_busy");
        let path = format!("/destroy/{}", id(1));
        let elsewhere = service
            .client
            .delete(format!("{replica}{path}"))
            .bearer_auth(KEY);
        let elsewhere = elsewhere.send().await.unwrap();
        assert_eq!(elsewhere.status(), 409);
        assert!(elsewhere.headers().contains_key("retry-after"));
        service
            .create(&id(2), &["nosuch"])
            .await
            .is_problem(400, "unknown_tool");
        service.world.open("cellar create");
    };
    let (first, ()) = tokio::join!(service.create("instance0001", &[]), second);
    first.ok();
    service.delete(&format!("/destroy/{}", id(1))).await.ok();
}

#[tokio::test]
async fn a_lease_is_renewed_while_its_operation_runs() {
    let service = Service::with(&[("INSTANCE_LEASE_MS", "5000")]).await;
    service.world.hold("cellar create");
    let later = async {
        service.world.called("cellar create", 1).await;
        let first = service.number(UNTIL).await;
        eventually("the lease is renewed twice", PATIENCE, async || {
            service.number(UNTIL).await > first + 2_500
        })
        .await;
        service
            .create(&id(1), &[])
            .await
            .is_problem(409, "instance_busy");
        service.world.open("cellar create");
    };
    let (first, ()) = tokio::join!(service.create("instance0001", &[]), later);
    first.ok();
}

/// In milliseconds.
const UNTIL: &str = "SELECT (extract(epoch FROM max(leased_until)) * 1000) FROM instance_leases";

#[tokio::test]
async fn the_lease_of_a_replica_that_died_runs_out() {
    let service = Service::start().await;
    let lease = "INSERT INTO instance_leases VALUES ('instance0001', 'dead', now() + $$1s$$)";
    service
        .execute(&lease.replace("$$1s$$", "interval '1 hour'"))
        .await;
    service
        .create(&id(1), &[])
        .await
        .is_problem(409, "instance_busy");
    service
        .execute("UPDATE instance_leases SET leased_until = now()")
        .await;
    service.create(&id(1), &[]).await.ok();
    assert_eq!(
        service.number("SELECT count(*) FROM instance_leases").await,
        0
    );
}

#[tokio::test]
async fn a_creation_and_a_destruction_end_though_the_client_hangs_up() {
    let service = Service::start().await;
    let path = format!("/destroy/{}", id(1));
    let creation = creation(&id(1), &["alpha"]).to_string();
    for (call, method, path, body, infra_rows) in [
        (
            "cellar create",
            Method::POST,
            "/create-instance",
            creation,
            1,
        ),
        (
            "cellar destroy",
            Method::DELETE,
            path.as_str(),
            String::new(),
            0,
        ),
    ] {
        service.world.hold(call);
        tokio::select! {
            answer = service.send(method, path, Some(body)) => panic!("{answer:?}"),
            () = service.world.called(call, 1) => {}
        }
        service.world.open(call);
        eventually("it ends all the same", PATIENCE, async || {
            let done = "SELECT count(*) FROM instance_infra WHERE started_at IS NOT NULL";
            let idle = service.number("SELECT count(*) FROM instance_leases").await == 0;
            idle && service.number(done).await == infra_rows
        })
        .await;
    }
}

#[tokio::test]
async fn an_operation_whose_lease_was_taken_finds_out_when_it_renews_it_and_does_no_more() {
    let lease = Duration::from_secs(12);
    let service = Service::with(&[("INSTANCE_LEASE_MS", "12000")]).await;
    service.world.hold("cellar create");
    let taken = async {
        service.world.called("cellar create", 1).await;
        service
            .execute("UPDATE instance_leases SET holder = 'other', leased_until = 'infinity'")
            .await;
    };
    let both = async { tokio::join!(service.create("instance0001", &[]), taken) };
    let before_it_runs_out = tokio::time::timeout(lease, both).await;
    let (first, ()) = before_it_runs_out.unwrap();
    first.is_problem(409, "instance_busy");
    service.world.open("cellar create");
    assert!(service.world.is_empty());
    let others = "SELECT count(*) FROM instance_leases WHERE holder = 'other'";
    assert_eq!(service.number(others).await, 1);
}

#[tokio::test]
async fn an_operation_that_slept_until_its_lease_was_anothers_writes_nothing_and_undoes_nothing() {
    // It would renew its lease long after this test.
    let service = Service::with(&[("INSTANCE_LEASE_MS", "600000")]).await;
    for (call, failure) in [
        ("cellar create", None),
        ("alpha provision", None),
        ("cellar configure", None),
        ("cellar configure", Some(ErrorKind::Invalid)),
    ] {
        if let Some(kind) = failure {
            service.world.fail(call, kind, When::Before);
        }
        service.world.hold(call);
        let times = service.world.count(call) + 1;
        let slept = async {
            service.world.called(call, times).await;
            eventually("all else is done", PATIENCE, async || {
                let open = "SELECT (SELECT count(*) FROM instance_infra WHERE made_at IS NULL)
                    + (SELECT count(*) FROM instance_services WHERE made_at IS NULL)";
                service.number(open).await == i64::from(call != "cellar configure")
            })
            .await;
            service
                .execute("UPDATE instance_leases SET holder = 'other'")
                .await;
            let before = service.number(ROWS).await;
            service.world.open(call);
            before
        };
        let (answer, before) = tokio::join!(service.create("instance0001", &["alpha"]), slept);
        answer.is_problem(409, "instance_busy");
        assert_eq!(service.number(ROWS).await, before, "{call}");
        let destroyed = ["alpha", "cellar"].map(|one| format!("{one} destroy"));
        let destroyed = destroyed.map(|call| service.world.count(&call));
        service.world.heal();
        service.execute("DELETE FROM instance_leases").await;
        service.delete("/destroy/instance0001").await.ok();
        let since = ["alpha", "cellar"].map(|one| format!("{one} destroy"));
        let since = since.map(|call| service.world.count(&call));
        assert_eq!(since, destroyed.map(|count| count + 1), "{call}");
        assert!(service.world.is_empty(), "{call}");
    }
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "it stands for a machine that pauses"
)]
async fn an_operation_that_slept_for_longer_than_its_lease_does_no_more_though_nobody_took_it() {
    let service = Service::with(&[("INSTANCE_LEASE_MS", "3000")]).await;
    service.world.hold("cellar create");
    let slept = async {
        service.world.called("cellar create", 1).await;
        service.world.open("cellar create");
        // The whole service runs on this thread, so this simulates a machine that pauses.
        std::thread::sleep(Duration::from_millis(3_500));
    };
    let (answer, ()) = tokio::join!(service.create("instance0001", &[]), slept);
    answer.is_problem(409, "instance_busy");
    let made = "SELECT count(*) FROM instance_infra WHERE made_at IS NOT NULL";
    assert_eq!(service.number(made).await, 0);
}

/// Changes with every write to the rows of an instance.
const ROWS: &str = "SELECT (SELECT coalesce(sum(xmin::text::bigint), 0) FROM instance_infra)
    + (SELECT coalesce(sum(xmin::text::bigint), 0) FROM instance_services)";

#[tokio::test]
async fn nothing_is_changed_while_another_operation_has_the_instance() {
    let service = Service::start().await;
    service.create(&id(1), &["alpha"]).await.ok();
    service
        .execute("INSERT INTO instance_leases VALUES ('instance0001', 'other', 'infinity')")
        .await;
    let calls = service.world.state().calls.len();
    let body = json!({ "variables": { "A": "1" } });
    for path in [
        "configure/instance0001",
        "redeploy/instance0001",
        "provision/instance0001/beta",
    ] {
        let answer = service.post(&format!("/{path}"), body.clone()).await;
        answer.is_problem(409, "instance_busy");
        assert!(answer.headers.contains_key("retry-after"), "{path}");
    }
    let path = format!("/destroy/{}/alpha/alpha-{}@0", id(1), id(1));
    for path in [path, format!("/destroy/{}", id(1))] {
        service.delete(&path).await.is_problem(409, "instance_busy");
    }
    assert_eq!(service.world.state().calls.len(), calls);
}

#[tokio::test]
async fn two_quick_operations_of_one_caller_follow_each_other() {
    let service = Service::with(&[("INSTANCE_WAIT_MS", "20000")]).await;
    service.create(&id(1), &[]).await.ok();
    service.world.hold("cellar configure");
    let path = format!("/configure/{}", id(1));
    let body = json!({ "variables": {}, "redeploy": true });
    let second = async {
        service.world.called("cellar configure", 2).await;
        let redeployed = service.post("/redeploy/instance0001", json!(null));
        let opened = async {
            // It has asked for the lease, and waits.
            let asked = crate::support::statements::count();
            eventually("it waits", PATIENCE, async || {
                crate::support::statements::count() > asked + 2
            })
            .await;
            assert_eq!(service.world.count("cellar redeploy"), 0);
            service.world.open("cellar configure");
        };
        tokio::join!(redeployed, opened).0.ok();
    };
    let (first, ()) = tokio::join!(service.post(&path, body), second);
    first.ok();
    assert_eq!(service.world.count("cellar redeploy"), 1);
}

#[tokio::test]
async fn a_configuration_whose_caller_hangs_up_gives_its_lease_back() {
    let service = Service::start().await;
    service.create(&id(1), &[]).await.ok();
    service.world.hold("cellar configure");
    let body = json!({ "variables": {} });
    tokio::select! {
        answer = service.post("/configure/instance0001", body) => panic!("{answer:?}"),
        () = service.world.called("cellar configure", 2) => {}
    }
    service.world.open("cellar configure");
    eventually("it ends all the same", PATIENCE, async || {
        service.number("SELECT count(*) FROM instance_leases").await == 0
    })
    .await;
}

#[tokio::test]
async fn an_operation_that_cannot_renew_its_lease_does_no_more() {
    let service = Service::with(&[("INSTANCE_LEASE_MS", "4000")]).await;
    service.world.hold("cellar create");
    let lost = async {
        service.world.called("cellar create", 1).await;
        service
            .execute("ALTER TABLE instance_leases RENAME TO elsewhere")
            .await;
    };
    let (first, ()) = tokio::join!(service.create("instance0001", &[]), lost);
    first.is_problem(409, "instance_busy");
    service.world.open("cellar create");
    assert!(service.world.is_empty());
}
