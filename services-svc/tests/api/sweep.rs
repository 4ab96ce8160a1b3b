//! `POST /sweep` and the periodic sweep.

use agent_pool_core::ErrorKind;
use agent_pool_core::InstanceId;
use agent_pool_service_kit::testing::eventually;
use chrono::{TimeDelta, Utc};
use serde_json::json;

use crate::support::{PATIENCE, Service, When, id};

/// A service with one instance that has a row and two that lost theirs: one old, one young.
async fn with_orphans() -> Service {
    let service = Service::with(&[("SWEEP_GRACE_MS", "60000")]).await;
    for number in 1..=3 {
        service.create(&id(number), &["alpha"]).await.ok();
    }
    service
        .execute("DELETE FROM instance_infra WHERE instance_id <> 'instance0001'")
        .await;
    for known_or_old in [id(1), id(2)] {
        age(&service, &known_or_old);
    }
    service
}

fn age(service: &Service, id: &str) {
    let instance: InstanceId = id.parse().unwrap();
    let long_ago = Some(Utc::now() - TimeDelta::minutes(2));
    let mut state = service.world.state();
    state.services.get_mut(&instance).unwrap().created_at = long_ago;
    let resource = state.resources.get_mut(&("alpha".to_owned(), instance));
    resource.unwrap().created_at = long_ago;
}

#[tokio::test]
async fn a_sweep_stores_the_metadata_that_changed_and_keeps_the_rest() {
    let service = Service::start().await;
    service.create(&id(1), &["alpha", "beta"]).await.ok();
    let metadata = async |tool: usize, member: &str| {
        let body = service.get("/instances/instance0001").await.ok();
        body["tools"][tool]["metadata"][member].clone()
    };
    service.world.state().campaign = Some("pending");
    service.post("/sweep", json!({})).await.ok();
    assert_eq!(metadata(0, "campaign").await, "pending");
    assert_eq!(metadata(0, "note").await, "noted by alpha");
    // A tool that cannot be asked keeps its metadata, and does not delay the others.
    let (fails, kind) = ("alpha refresh", ErrorKind::Unavailable);
    service.world.fail(fails, kind, When::Before);
    service.world.state().campaign = Some("assigned");
    service.post("/sweep", json!({})).await.ok();
    assert_eq!(metadata(0, "campaign").await, "pending");
    assert_eq!(metadata(1, "campaign").await, "assigned");
}

#[tokio::test]
async fn orphans_are_reported_and_kept() {
    let service = with_orphans().await;
    let report = service.post("/sweep", json!({})).await.ok();
    let orphans = report["orphans"].as_array().unwrap();
    let listed: Vec<_> = orphans
        .iter()
        .map(|one| (&one["provider"], &one["instanceId"], &one["destroyed"]))
        .collect();
    let (owner, not) = (json!(id(2)), json!(false));
    assert_eq!(
        listed,
        [
            (&json!("alpha"), &owner, &not),
            (&json!("cellar"), &owner, &not)
        ]
    );
    assert_eq!(service.world.state().services.len(), 3);
    let metrics = service.get("/metrics").await.ok();
    assert!(
        metrics
            .as_str()
            .unwrap()
            .contains("agent_pool_orphans{provider=\"alpha\"}"),
        "{metrics}"
    );
}

#[tokio::test]
async fn orphans_are_destroyed_on_request_and_nothing_else_is() {
    let service = with_orphans().await;
    let report = service
        .post("/sweep", json!({ "destroy": true }))
        .await
        .ok();
    let orphans = report["orphans"].as_array().unwrap();
    assert!(
        orphans.len() == 2 && orphans.iter().all(|one| one["destroyed"] == true),
        "{report}"
    );
    let state = service.world.state();
    let left: Vec<_> = state.services.keys().map(ToString::to_string).collect();
    assert_eq!((left, state.resources.len()), (vec![id(1), id(3)], 2));
}

#[tokio::test]
async fn one_orphan_is_destroyed_and_the_others_are_left() {
    let service = with_orphans().await;
    let found = service.post("/sweep", json!({})).await.ok();
    let cellar = &found["orphans"][1];
    assert_eq!(cellar["provider"], "cellar");
    let alone = json!({"provider": "cellar", "resourceId": cellar["resourceId"]});
    let nobody = json!({"provider": "alpha", "resourceId": cellar["resourceId"]});
    let body = json!({ "destroyOnly": [alone, nobody] });
    let report = service.post("/sweep", body).await.ok();
    let listed: Vec<_> = report["orphans"].as_array().unwrap().iter().collect();
    let gone = |provider: &str| {
        let one = listed.iter().find(|one| one["provider"] == provider);
        one.map(|one| one["destroyed"] == true)
    };
    assert_eq!(
        (listed.len(), gone("cellar"), gone("alpha")),
        (2, Some(true), Some(false))
    );
    let again = service.post("/sweep", json!({})).await.ok();
    assert_eq!(again["orphans"].as_array().unwrap().len(), 1, "{again}");
}

#[tokio::test]
async fn a_resource_without_an_age_counts_as_old() {
    let service = with_orphans().await;
    let young: InstanceId = id(3).parse().unwrap();
    service
        .world
        .state()
        .services
        .get_mut(&young)
        .unwrap()
        .created_at = None;
    let report = service.post("/sweep", json!({})).await.ok();
    assert_eq!(report["orphans"].as_array().unwrap().len(), 3, "{report}");
}

#[tokio::test]
async fn a_provider_that_fails_is_named_and_the_others_are_swept() {
    let service = with_orphans().await;
    service
        .world
        .fail("alpha list", ErrorKind::Unavailable, When::Before);
    service
        .world
        .fail("cellar destroy", ErrorKind::Forbidden, When::Before);
    let report = service
        .post("/sweep", json!({ "destroy": true }))
        .await
        .ok();
    assert_eq!(
        report["failures"]["alpha"],
        "alpha list: unavailable: as told"
    );
    assert!(
        report["failures"]["cellar"]
            .as_str()
            .unwrap()
            .contains("forbidden"),
        "{report}"
    );
    assert_eq!(report["orphans"][0]["destroyed"], false);
}

#[tokio::test]
async fn what_an_unfinished_creation_or_destruction_left_is_no_orphan() {
    let service = with_orphans().await;
    service
        .execute("UPDATE instance_infra SET made_at = NULL, destroying_at = now()")
        .await;
    service
        .execute("UPDATE instance_services SET made_at = NULL")
        .await;
    let report = service
        .post("/sweep", json!({ "destroy": true }))
        .await
        .ok();
    assert!(!report.to_string().contains(&id(1)), "{report}");
}

#[tokio::test]
async fn orphans_are_looked_for_and_destroyed_without_being_asked() {
    let settings = [
        ("SWEEP_INTERVAL_MS", "20"),
        ("SWEEP_GRACE_MS", "0"),
        ("SWEEP_DESTROY", "yes"),
    ];
    let service = Service::with(&settings).await;
    service.create(&id(1), &["alpha"]).await.ok();
    service.create(&id(2), &["alpha"]).await.ok();
    service.world.called("cellar list", 2).await;
    assert_eq!(service.world.state().services.len(), 2);
    service
        .execute("DELETE FROM instance_infra WHERE instance_id = 'instance0001'")
        .await;
    let left = async || {
        let state = service.world.state();
        (state.services.len(), state.resources.len()) == (1, 1)
    };
    eventually("the orphans are gone", PATIENCE, left).await;
}

#[tokio::test]
async fn a_creation_waits_for_the_sweep_of_what_it_would_adopt() {
    let service = with_orphans().await;
    service.world.hold("alpha destroy");
    let creation = async {
        service.world.called("alpha destroy", 1).await;
        let busy = service.create(&id(2), &["alpha"]).await;
        busy.is_problem(409, "instance_busy");
        service.world.open("alpha destroy");
    };
    let body = json!({ "destroy": true });
    let (report, ()) = tokio::join!(service.post("/sweep", body), creation);
    assert_eq!(report.ok()["orphans"][0]["destroyed"], true);
    service.create(&id(2), &["alpha"]).await.ok();
    assert_eq!(service.world.state().resources.len(), 3);
}

#[tokio::test]
async fn a_sweep_leaves_what_an_operation_is_at_work_on() {
    let service = with_orphans().await;
    service
        .execute("INSERT INTO instance_leases VALUES ('instance0002', 'other', 'infinity')")
        .await;
    let body = json!({ "destroy": true });
    let report = service.post("/sweep", body).await.ok();
    assert_eq!(report["orphans"][0]["destroyed"], false, "{report}");
    assert_eq!(service.world.state().services.len(), 3);
}

#[tokio::test]
async fn what_another_environment_has_on_the_same_accounts_is_never_touched() {
    let service = with_orphans().await;
    let settings = [("POOL_ENVIRONMENT", "staging"), ("SWEEP_GRACE_MS", "0")];
    let staging = service.beside(&settings).await;
    staging.create(&id(7), &["alpha"]).await.ok();
    staging.execute("DELETE FROM instance_infra").await;
    let everything = json!({ "destroy": true });
    let report = service.post("/sweep", everything.clone()).await.ok();
    assert!(!report.to_string().contains(&id(7)), "{report}");
    assert_eq!(service.world.state().services.len(), 3);

    let report = staging.post("/sweep", everything).await.ok();
    let text = report.to_string();
    assert!(text.contains(&id(7)) && !text.contains(&id(1)), "{report}");
    let state = service.world.state();
    let left: Vec<_> = state.services.keys().map(ToString::to_string).collect();
    assert_eq!(left, [id(1), id(3)]);
}

#[tokio::test]
async fn a_row_that_comes_while_orphans_are_looked_for_keeps_what_is_there() {
    let service = with_orphans().await;
    let mut conn = service.conn().await;
    statement(&mut conn, "BEGIN").await;
    statement(&mut conn, "LOCK TABLE instance_leases").await;
    let comes = async {
        let waiting = "SELECT count(*) FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        eventually("the sweep waits for a lease", PATIENCE, async || {
            service.number(waiting).await > 0
        })
        .await;
        let row = "INSERT INTO instance_infra \
                   (instance_id, provider, provider_service_id, provider_env_id) \
                   VALUES ('instance0002', 'cellar', 'label', '')";
        statement(&mut conn, row).await;
        statement(&mut conn, "COMMIT").await;
    };
    let swept = service.post("/sweep", json!({ "destroy": true }));
    let (report, ()) = tokio::join!(swept, comes);
    assert_eq!(report.ok()["orphans"][0]["destroyed"], false);
    assert_eq!(service.world.state().services.len(), 3);
}

#[tokio::test]
async fn an_instance_that_is_destroyed_while_vendors_are_listed_is_no_orphan() {
    let service = Service::with(&[("SWEEP_GRACE_MS", "0")]).await;
    service.create(&id(1), &["alpha"]).await.ok();
    service.world.hold("alpha list");
    let (infra, tool) = (
        service.world.count("cellar list"),
        service.world.count("alpha list"),
    );
    let destroyed = async {
        service.world.called("cellar list", infra + 1).await;
        service.world.called("alpha list", tool + 1).await;
        service.delete(&format!("/destroy/{}", id(1))).await.ok();
        service.world.open("alpha list");
    };
    let swept = service.post("/sweep", json!({}));
    let (report, ()) = tokio::join!(swept, destroyed);
    assert_eq!(report.ok()["orphans"], json!([]));
}

async fn statement(conn: &mut diesel_async::AsyncPgConnection, statement: &str) {
    let query = diesel::sql_query(statement);
    diesel_async::RunQueryDsl::execute(query, conn)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_second_deployment_in_the_same_environment_is_refused_and_neither_sweeps_the_other() {
    let first = Service::start().await;
    first.create(&id(1), &["alpha"]).await.ok();
    let second = first.beside(&[("SWEEP_GRACE_MS", "0")]).await;
    let refused = second.create(&id(2), &["alpha"]).await;
    let problem = refused.is_problem(409, "environment_taken");
    assert!(problem.detail().contains("set POOL_ENVIRONMENT"));
    assert_eq!(first.world.state().services.len(), 1, "nothing was made");

    let swept = second.post("/sweep", json!({ "destroy": true })).await.ok();
    let orphans = swept["orphans"].as_array().unwrap();
    let left = |one: &serde_json::Value| one["foreign"] == true && one["destroyed"] == false;
    assert!(orphans.len() == 2 && orphans.iter().all(left), "{swept}");
    assert_eq!(first.world.state().services.len(), 1);

    // A person who knows that the other deployment is gone can destroy what it left, by name.
    let named: Vec<_> = orphans
        .iter()
        .map(|one| json!({"provider": one["provider"], "resourceId": one["resourceId"]}))
        .collect();
    second
        .post("/sweep", json!({ "destroyOnly": named }))
        .await
        .ok();
    assert!(first.world.state().services.is_empty());
    second.create(&id(2), &["alpha"]).await.ok();
}

#[tokio::test]
async fn a_deployment_that_was_first_goes_on_and_leaves_the_others_alone() {
    let first = Service::with(&[("SWEEP_GRACE_MS", "0")]).await;
    let second = first.beside(&[]).await;
    for (service, number) in [(&first, 1), (&second, 2)] {
        service
            .execute("INSERT INTO confirmed_infras VALUES ('cellar')")
            .await;
        service.create(&id(number), &["alpha"]).await.ok();
    }
    first.create(&id(3), &["alpha"]).await.ok();
    let swept = first.post("/sweep", json!({ "destroy": true })).await.ok();
    let foreign = swept["orphans"].as_array().unwrap().iter();
    assert_eq!(
        foreign.filter(|one| one["foreign"] == true).count(),
        2,
        "{swept}"
    );
    assert_eq!(first.world.state().services.len(), 3);
}
