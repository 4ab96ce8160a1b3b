//! Tests of the recovery: interrupted operations are finished without a request.

use agent_pool_core::ErrorKind;
use agent_pool_service_kit::testing::eventually;
use serde_json::json;

use crate::support::{PATIENCE, Service, When, id};

/// A service whose recovery runs every two seconds.
async fn quick() -> Service {
    Service::with(&[("INSTANCE_LEASE_MS", "2000"), ("INSTANCE_WAIT_MS", "20000")]).await
}

async fn is_gone(service: &Service, id: &str) {
    eventually("nothing is left of it", PATIENCE, async || {
        let rows = format!("SELECT count(*) FROM instance_infra WHERE instance_id = '{id}'");
        !service.world.has(id) && service.number(&rows).await == 0
    })
    .await;
}

#[tokio::test]
async fn a_creation_that_a_dead_replica_left_is_undone_at_the_next_start() {
    let service = Service::start().await;
    service.create(&id(1), &["alpha"]).await.ok();
    service.create(&id(2), &["alpha"]).await.ok();
    let died = "UPDATE instance_infra SET made_at = NULL, started_at = NULL \
                WHERE instance_id = 'instance0001'";
    service.execute(died).await;
    service.replica().await;
    is_gone(&service, &id(1)).await;
    assert_eq!(service.rows().await, (1, 1), "what is done is left alone");
}

#[tokio::test]
async fn what_somebody_is_at_work_on_is_left_to_them() {
    let service = quick().await;
    service.create(&id(1), &["alpha"]).await.ok();
    service.create(&id(2), &["alpha"]).await.ok();
    service
        .execute("INSERT INTO instance_leases VALUES ('instance0001', 'other', 'infinity')")
        .await;
    service
        .execute("UPDATE instance_infra SET started_at = NULL")
        .await;
    is_gone(&service, &id(2)).await;
    assert_eq!(service.rows().await, (1, 1));
    service
        .execute("UPDATE instance_leases SET leased_until = now()")
        .await;
    is_gone(&service, &id(1)).await;
}

#[tokio::test]
async fn a_destruction_whose_vendor_was_down_is_completed() {
    let service = quick().await;
    service.create(&id(1), &["alpha"]).await.ok();
    service
        .world
        .fail("cellar destroy", ErrorKind::Unavailable, When::Before);
    service
        .delete("/destroy/instance0001")
        .await
        .is_problem(503, "destroy_incomplete");
    let tries = service.world.count("cellar destroy");
    service.world.called("cellar destroy", tries + 1).await;
    service.world.heal();
    is_gone(&service, &id(1)).await;
}

#[tokio::test]
async fn a_further_tool_is_undone_and_one_that_was_to_go_is_taken_away() {
    let service = quick().await;
    for number in 1..=2 {
        service.create(&id(number), &["alpha", "beta"]).await.ok();
    }
    service
        .execute(
            "UPDATE instance_services SET made_at = NULL \
             WHERE tool_id = 'beta' AND instance_id = 'instance0001'",
        )
        .await;
    service
        .execute(
            "UPDATE instance_services SET destroying_at = now() \
             WHERE tool_id = 'alpha' AND instance_id = 'instance0002'",
        )
        .await;
    eventually("both are gone", PATIENCE, async || {
        let destroyed = "SELECT count(*) FROM instance_services WHERE status = 'destroyed'";
        service.number(destroyed).await == 2
    })
    .await;
    let state = service.world.state();
    let left: Vec<_> = state.resources.keys().collect();
    let expected = [("alpha", id(1)), ("beta", id(2))];
    assert!(
        left.iter()
            .map(|(tool, owner)| (tool.as_str(), owner.to_string()))
            .eq(expected),
        "{left:?}"
    );
    assert_eq!(state.services.len(), 2, "the instances stay");
}

#[tokio::test]
async fn a_repair_that_was_cut_off_is_completed() {
    let service = quick().await;
    service.create(&id(1), &["alpha"]).await.ok();
    service.world.state().resources.clear();
    service
        .execute("UPDATE instance_services SET repairing_at = now()")
        .await;
    eventually("it is done", PATIENCE, async || {
        let open = "SELECT count(*) FROM instance_services WHERE repairing_at IS NOT NULL";
        service.number(open).await == 0
    })
    .await;
    let state = service.world.state();
    assert_eq!(state.resources.len(), 1);
    assert_eq!(state.services.values().next().unwrap().deployments, 2);
}

#[tokio::test]
async fn an_instance_in_repair_is_destroyed_with_what_the_repair_made() {
    let service = Service::start().await;
    service.create(&id(1), &["alpha"]).await.ok();
    service
        .execute("UPDATE instance_services SET repairing_at = now(), resource_id = 'before'")
        .await;
    service.delete("/destroy/instance0001").await.ok();
    assert!(service.world.is_empty());
}

#[tokio::test]
async fn a_creation_that_is_repeated_while_it_is_undone_begins_anew() {
    let service = quick().await;
    let first = service.create(&id(1), &["alpha"]).await.ok();
    service.world.hold("cellar destroy");
    service
        .execute("UPDATE instance_infra SET started_at = NULL")
        .await;
    let opened = async {
        service.world.called("cellar destroy", 1).await;
        service.world.open("cellar destroy");
    };
    service.world.called("cellar destroy", 1).await;
    let (again, ()) = tokio::join!(service.create("instance0001", &["alpha"]), opened);
    let mut again = again.ok();
    assert_ne!(again["runtimeKey"], first["runtimeKey"]);
    again["runtimeKey"] = first["runtimeKey"].clone();
    assert_eq!(again, first);
    let state = service.world.state();
    assert_eq!((state.services.len(), state.resources.len()), (1, 1));
}

#[tokio::test]
async fn a_creation_that_is_repeated_before_it_is_undone_is_completed() {
    let service = Service::start().await;
    let first = service.create(&id(1), &["alpha", "beta"]).await.ok();
    service.create(&id(2), &[]).await.ok();
    service.world.hold("beta provision");
    service
        .execute("UPDATE instance_infra SET started_at = NULL WHERE instance_id = 'instance0001'")
        .await;
    service
        .execute("UPDATE instance_services SET made_at = NULL WHERE tool_id = 'beta'")
        .await;
    let others = async {
        service.world.called("beta provision", 2).await;
        // The recovery of a new replica runs, and finishes another instance.
        service
            .execute(
                "UPDATE instance_infra SET started_at = NULL WHERE instance_id = 'instance0002'",
            )
            .await;
        service.replica().await;
        is_gone(&service, &id(2)).await;
        service.world.open("beta provision");
    };
    let (again, ()) = tokio::join!(service.create("instance0001", &["alpha", "beta"]), others);
    assert_eq!(again.ok(), first);
    assert_eq!(service.world.count("alpha provision"), 1);
}

#[tokio::test]
async fn the_leases_of_the_dead_are_forgotten() {
    let service = quick().await;
    service
        .execute("INSERT INTO instance_leases VALUES ('instance0009', 'dead', now())")
        .await;
    eventually("it is forgotten", PATIENCE, async || {
        service.number("SELECT count(*) FROM instance_leases").await == 0
    })
    .await;
}

#[tokio::test]
async fn a_recovery_ignores_finished_rows() {
    let service = quick().await;
    service.create(&id(1), &["alpha", "beta"]).await.ok();
    let alpha = format!("/destroy/{}/alpha/alpha-{}@0", id(1), id(1));
    service.delete(&alpha).await.ok();
    let calls = service.world.state().calls.len();
    service
        .execute("INSERT INTO instance_leases VALUES ('instance0009', 'dead', now())")
        .await;
    eventually("the recovery passed", PATIENCE, async || {
        service.number("SELECT count(*) FROM instance_leases").await == 0
    })
    .await;
    assert_eq!(service.world.state().calls.len(), calls);
    let body = json!({ "variables": {} });
    service.post("/configure/instance0001", body).await.ok();
}

#[tokio::test]
async fn a_tool_that_was_made_and_whose_variables_were_not_set_gets_them() {
    let service = quick().await;
    service.create(&id(1), &["alpha"]).await.ok();
    let path = format!("/instances/{}/tools", id(1));
    service.put(&path, json!({ "tools": ["beta"] })).await.ok();
    let unset = "SELECT count(*) FROM instance_services WHERE unset_since IS NOT NULL";
    assert_eq!(service.number(unset).await, 0);
    // The state that a replica leaves if it dies between the vendor's answer and the variables.
    let key = "BETA_NUMBER".parse().unwrap();
    let forget = |service: &Service| {
        let mut state = service.world.state();
        let made = state.services.values_mut().next().unwrap();
        made.variables = made
            .variables
            .iter()
            .filter(|(name, _)| **name != key)
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        made.deployments
    };
    let deployments = forget(&service);
    service
        .execute("UPDATE instance_services SET unset_since = now() WHERE tool_id = 'beta'")
        .await;
    eventually("it has its variables", PATIENCE, async || {
        let state = service.world.state();
        let made = state.services.values().next().unwrap();
        made.variables.get("BETA_NUMBER").is_some()
    })
    .await;
    eventually("its mark is lifted", PATIENCE, async || {
        service.number(unset).await == 0
    })
    .await;
    let state = service.world.state();
    assert_eq!(state.resources.len(), 2, "nothing is made again");
    let made = state.services.values().next().unwrap();
    assert_eq!(made.deployments, deployments, "the agent is left alone");
}
