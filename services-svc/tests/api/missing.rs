//! Tests of resources that have a row and are not listed, and of the stored report.

use agent_pool_core::{ErrorKind, InstanceId};
use agent_pool_service_kit::testing::eventually;
use serde_json::{Value, json};

use crate::support::{PATIENCE, Service, When, id, statements};

/// Four instances with a tool each, older than the grace period.
async fn with_instances(settings: &[(&str, &str)]) -> Service {
    let settings = [&[("SWEEP_GRACE_MS", "0")], settings].concat();
    let service = Service::with(&settings).await;
    for number in 1..=4 {
        service.create(&id(number), &["alpha"]).await.ok();
    }
    service
}

fn lose(service: &Service, number: usize) {
    let owner: InstanceId = id(number).parse().unwrap();
    let mut state = service.world.state();
    state
        .resources
        .remove(&("alpha".to_owned(), owner))
        .unwrap();
}

async fn sweep(service: &Service, repair: bool) -> Value {
    let report = service.post("/sweep", json!({ "repair": repair })).await;
    report.ok()
}

/// The instance of each missing resource, and whether it is repaired.
fn missing(report: &Value) -> Vec<(String, bool)> {
    let all = report["missing"].as_array().unwrap().iter();
    all.map(|one| {
        let instance = one["instanceId"].as_str().unwrap().to_owned();
        (instance, one["repaired"].as_bool().unwrap())
    })
    .collect()
}

#[tokio::test]
async fn what_a_vendor_lost_is_reported_and_measured() {
    let service = with_instances(&[]).await;
    lose(&service, 1);
    let gone: InstanceId = id(2).parse().unwrap();
    service.world.state().services.remove(&gone);
    let report = sweep(&service, false).await;
    let listed: Vec<_> = report["missing"].as_array().unwrap().iter().collect();
    assert_eq!(listed.len(), 2, "{report}");
    assert_eq!(
        (
            &listed[0]["provider"],
            &listed[0]["instanceId"],
            &listed[0]["resourceId"]
        ),
        (
            &json!("alpha"),
            &json!(id(1)),
            &json!(format!("alpha-{}@0", id(1)))
        )
    );
    assert_eq!(
        (&listed[1]["provider"], &listed[1]["instanceId"]),
        (&json!("cellar"), &json!(id(2)))
    );
    let metrics = service.get("/metrics").await.ok();
    let metrics = metrics.as_str().unwrap();
    assert!(
        metrics.contains("agent_pool_missing{provider=\"alpha\"}"),
        "{metrics}"
    );
    let again = sweep(&service, false).await;
    assert_eq!(again["missing"][0]["since"], listed[0]["since"]);
}

#[tokio::test]
async fn what_is_missing_twice_is_made_anew_and_its_variables_are_set() {
    let service = with_instances(&[]).await;
    lose(&service, 1);
    let owner: InstanceId = id(1).parse().unwrap();
    service
        .world
        .state()
        .services
        .get_mut(&owner)
        .unwrap()
        .variables = Default::default();
    assert_eq!(missing(&sweep(&service, true).await), [(id(1), false)]);
    assert_eq!(service.world.count("alpha provision"), 4, "looked at once");
    assert_eq!(missing(&sweep(&service, false).await), [(id(1), false)]);
    assert_eq!(service.world.count("alpha provision"), 4, "not asked for");
    assert_eq!(missing(&sweep(&service, true).await), [(id(1), true)]);
    {
        let state = service.world.state();
        let made = &state.services[&owner];
        assert_eq!(made.deployments, 2);
        assert!(made.variables.get("ALPHA_KEY").is_some());
        assert_eq!(state.resources.len(), 4);
        let others = state.services.iter().filter(|(id, _)| **id != owner);
        assert!(others.into_iter().all(|(_, other)| other.deployments == 1));
    }
    assert_eq!(missing(&sweep(&service, true).await), []);
}

#[tokio::test]
async fn a_list_that_lacks_too_much_is_not_believed() {
    let service = with_instances(&[("SWEEP_MAX_MISSING_PERCENT", "70")]).await;
    for number in 1..=3 {
        lose(&service, number);
    }
    for _ in 0..2 {
        let report = sweep(&service, true).await;
        assert_eq!(missing(&report).len(), 3, "{report}");
        let doubt = report["failures"]["alpha"].as_str().unwrap();
        assert!(doubt.contains("3 of the 4"), "{doubt}");
        assert!(doubt.contains("SWEEP_MAX_MISSING_PERCENT (70)"), "{doubt}");
    }
    lose(&service, 4);
    let report = sweep(&service, true).await;
    let doubt = report["failures"]["alpha"].as_str().unwrap();
    assert!(doubt.contains("none of the 4"), "{doubt}");
    assert_eq!(service.world.count("alpha provision"), 4);
}

#[tokio::test]
async fn nothing_is_missed_where_the_list_failed_or_the_row_is_young_or_not_to_stay() {
    let service = with_instances(&[("SWEEP_GRACE_MS", "3600000")]).await;
    let aged = "UPDATE {} SET made_at = now() - interval '2 hours' WHERE instance_id IN \
                ('instance0001', 'instance0002', 'instance0003')";
    for table in ["instance_infra", "instance_services"] {
        service.execute(&aged.replace("{}", table)).await;
    }
    lose(&service, 4);
    lose(&service, 3);
    assert_eq!(
        missing(&sweep(&service, true).await),
        [(id(3), false)],
        "4 is young"
    );
    service
        .world
        .fail("alpha list", ErrorKind::Unavailable, When::Before);
    assert_eq!(missing(&sweep(&service, true).await), []);
    service.world.heal();
    service
        .execute("UPDATE instance_infra SET started_at = NULL WHERE instance_id = 'instance0003'")
        .await;
    assert_eq!(missing(&sweep(&service, true).await), []);
}

#[tokio::test]
async fn a_tool_whose_instance_is_gone_or_busy_is_not_made_anew() {
    let service = with_instances(&[]).await;
    lose(&service, 1);
    lose(&service, 2);
    let gone: InstanceId = id(1).parse().unwrap();
    service.world.state().services.remove(&gone);
    service
        .execute("INSERT INTO instance_leases VALUES ('instance0002', 'other', 'infinity')")
        .await;
    sweep(&service, true).await;
    let report = sweep(&service, true).await;
    assert!(
        missing(&report).iter().all(|(_, repaired)| !repaired),
        "{report}"
    );
    assert!(
        report["failures"]["alpha"]
            .as_str()
            .unwrap()
            .contains("another operation")
    );
    assert_eq!(service.world.count("alpha provision"), 4);
}

#[tokio::test]
async fn a_repair_that_fails_stays_marked_for_the_recovery() {
    let service = with_instances(&[]).await;
    lose(&service, 1);
    sweep(&service, true).await;
    service
        .world
        .fail("cellar configure", ErrorKind::Unavailable, When::Before);
    let report = sweep(&service, true).await;
    assert_eq!(missing(&report), [(id(1), false)]);
    let marked = "SELECT count(*) FROM instance_services WHERE repairing_at IS NOT NULL";
    assert_eq!(service.number(marked).await, 1);
    service.world.heal();
    service.replica().await;
    eventually("it is repaired", PATIENCE, async || {
        service.number(marked).await == 0
    })
    .await;
    assert_eq!(service.world.state().resources.len(), 4);
}

#[tokio::test]
async fn the_periodic_sweep_repairs_where_it_may() {
    let settings = [("SWEEP_INTERVAL_MS", "20"), ("SWEEP_REPAIR", "yes")];
    let service = with_instances(&settings).await;
    lose(&service, 1);
    eventually("it is there again", PATIENCE, async || {
        service.world.state().resources.len() == 4
    })
    .await;
}

#[tokio::test]
async fn the_last_report_is_kept_for_whoever_asks() {
    let service = Service::start().await;
    service.get("/sweep").await.is_problem(404, "not_swept");
    let report = service.post("/sweep", json!({})).await.ok();
    assert!(
        report["sweptAt"].is_string() && report["tookMs"].is_u64(),
        "{report}"
    );
    assert_eq!(report["replica"].as_str().unwrap().len(), InstanceId::LEN);
    assert_eq!(service.get("/sweep").await.ok(), report);
}

#[tokio::test]
async fn one_sweep_at_a_time_among_all_replicas() {
    let service = Service::with(&[("SWEEP_INTERVAL_MS", "20")]).await;
    service.world.hold("alpha list");
    service.world.called("alpha list", 1).await;
    // A sweep by this replica's timer is running, and the timer of the other replica finds it.
    let replica = service.replica().await;
    let asked = statements::count();
    eventually("the other tries", PATIENCE, async || {
        statements::count() > asked + 20
    })
    .await;
    assert_eq!(service.world.count("alpha list"), 1);
    let second = service.post("/sweep", json!({})).await;
    second.is_problem(409, "sweep_running");
    assert!(second.headers.contains_key("retry-after"));
    service.world.open("alpha list");
    eventually("the next may", PATIENCE, async || {
        let request = service.client.post(format!("{replica}/sweep"));
        let answer = request
            .bearer_auth("test-key-0123456789")
            .send()
            .await
            .unwrap();
        answer.status() == 200
    })
    .await;
}
