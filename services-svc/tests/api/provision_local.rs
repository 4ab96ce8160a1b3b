//! `POST /provision-local`: tools for a developer's own machine.

use agent_pool_core::ErrorKind;
use agent_pool_service_kit::testing::eventually;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::support::{Answer, PATIENCE, Service, When, id};

const ENCRYPTED: (&str, &str) = (
    "SERVICES_ENCRYPTION_KEY",
    "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
);
const GRANTS: &str = "SELECT count(*) FROM local_grants";
const EXPIRE: &str = "UPDATE local_grants SET expires_at = now()";

/// A service whose sweeps find every orphan, however young.
async fn without_grace() -> Service {
    Service::with(&[("SWEEP_GRACE_MS", "0")]).await
}

async fn ask(service: &Service, tools: &[&str]) -> Answer {
    service
        .post("/provision-local", json!({ "tools": tools }))
        .await
}

async fn sweep(service: &Service) -> Value {
    service
        .post("/sweep", json!({ "destroy": true }))
        .await
        .ok()
}

#[tokio::test]
async fn a_developer_gets_the_variables_of_each_tool_and_no_infra() {
    let service = Service::start().await;
    let answer = ask(&service, &["alpha", "beta", "alpha"]).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    let body = answer.ok();
    let id = body["instanceId"].as_str().unwrap();
    let env = json!({
        "ALPHA_KEY": format!("hunter2-ALPHA_KEY-{id}"),
        "BETA_NUMBER": format!("hunter2-BETA_NUMBER-{id}"),
        "BETA_PROFILE": format!("hunter2-BETA_PROFILE-{id}"),
    });
    assert_eq!(body["env"], env);
    let expires_at: DateTime<Utc> = body["expiresAt"].as_str().unwrap().parse().unwrap();
    let days = (expires_at - Utc::now()).num_days();
    assert!((29..=30).contains(&days), "{body}");

    assert_eq!(service.rows().await, (0, 0));
    let state = service.world.state();
    assert_eq!((state.services.len(), state.resources.len()), (0, 2));
}

#[tokio::test]
async fn each_grant_is_one_of_its_own_and_no_instance_of_the_pool() {
    let service = Service::start().await;
    let one = ask(&service, &["alpha"]).await.ok();
    let two = ask(&service, &["alpha"]).await.ok();
    assert_ne!(one["instanceId"], two["instanceId"]);
    assert_eq!(service.world.state().resources.len(), 2);
    assert_eq!(
        service.post("/status/batch", json!({})).await.ok(),
        json!({})
    );
}

#[tokio::test]
async fn no_secret_is_kept() {
    let service = Service::with(&[ENCRYPTED]).await;
    ask(&service, &["alpha", "beta"]).await.ok();
    let kept = "SELECT count(*) FROM local_grants AS one \
                WHERE one::text LIKE '%hunter2%' OR one::text LIKE '%xc1.%'";
    assert_eq!(service.number(GRANTS).await, 1);
    assert_eq!(service.number(kept).await, 0);
}

#[tokio::test]
async fn tools_that_cannot_be_had_are_refused_before_anything_is_made() {
    let service = Service::start().await;
    let unknown = ask(&service, &["alpha", "nosuch"]).await;
    unknown.is_problem(400, "unknown_tool");
    assert_eq!(unknown.body["field"], "tools[1]");

    let unconfigured = ask(&service, &["gamma"]).await;
    unconfigured.is_problem(422, "provider_unconfigured");
    assert_eq!(unconfigured.body["field"], "tools[0]");
    assert!(
        unconfigured.detail().contains("GAMMA_TOKEN is required"),
        "{unconfigured:?}"
    );

    for (body, field) in [
        (json!({}), "tools"),
        (json!({ "tools": [] }), "tools"),
        (json!({ "tools": ["alpha", 7] }), "tools[1]"),
        (json!({ "tools": ["A tool"] }), "tools[0]"),
    ] {
        let answer = service.post("/provision-local", body).await;
        let named = &answer.is_problem(400, "invalid_field").body["field"];
        assert_eq!(named, field, "{answer:?}");
    }
    assert!(service.world.state().calls.is_empty());
    assert_eq!(service.number(GRANTS).await, 0);
}

#[tokio::test]
async fn the_row_is_written_before_the_vendors_are_asked_and_expires_soon_until_all_is_made() {
    let service = Service::start().await;
    service.world.hold("alpha provision");
    let soon = format!("{GRANTS} WHERE expires_at BETWEEN now() AND now() + interval '15 minutes'");
    let looked = async {
        service.world.called("alpha provision", 1).await;
        assert_eq!(service.number(&soon).await, 1);
        assert!(!sweep(&service).await.to_string().contains("alpha"));
        service.world.open("alpha provision");
    };
    let (answer, ()) = tokio::join!(ask(&service, &["alpha"]), looked);
    answer.ok();
    assert_eq!(service.number(&soon).await, 0);
}

#[tokio::test]
async fn a_failure_is_undone_before_it_is_answered() {
    let service = Service::start().await;
    for step in ["alpha provision", "beta provision"] {
        for when in [When::Before, When::After] {
            service.world.fail(step, ErrorKind::Unavailable, when);
            let answer = ask(&service, &["alpha", "beta"]).await;
            answer.is_problem(503, "vendor_unavailable");
            assert!(answer.headers.contains_key("retry-after"));
            assert!(
                answer.detail().contains(step) && answer.detail().contains("is undone"),
                "{answer:?}"
            );
            assert!(service.world.is_empty(), "{step} {when:?}");
            assert_eq!(service.number(GRANTS).await, 0, "{step} {when:?}");
            service.world.heal();
        }
    }
}

#[tokio::test]
async fn what_cannot_be_undone_is_an_orphan_at_once_and_can_be_destroyed() {
    let service = without_grace().await;
    let fail = || {
        let world = &service.world;
        world.fail("beta provision", ErrorKind::Forbidden, When::Before);
        world.fail("alpha destroy", ErrorKind::Unavailable, When::Before);
    };
    fail();
    let answer = ask(&service, &["alpha", "beta"]).await;
    answer.is_problem(502, "vendor_refused");
    assert!(
        answer
            .detail()
            .contains("DELETE /destroy removes what could not be undone (alpha)")
            && answer.detail().contains("left are alpha ("),
        "{answer:?}"
    );
    service.world.heal();
    assert_eq!(
        sweep(&service).await["orphans"].as_array().unwrap().len(),
        1
    );
    assert!(service.world.is_empty());

    fail();
    ask(&service, &["alpha", "beta"]).await;
    service.world.heal();
    let (_, instance) = {
        let state = service.world.state();
        state.resources.keys().next().unwrap().clone()
    };
    service.delete(&format!("/destroy/{instance}")).await.ok();
    assert!(service.world.is_empty());
}

#[tokio::test]
async fn a_grant_is_destroyed_on_request_and_then_unknown() {
    let service = Service::start().await;
    let other = ask(&service, &["alpha"]).await.ok();
    let grant = ask(&service, &["alpha", "beta"]).await.ok();
    let path = format!("/destroy/{}", grant["instanceId"].as_str().unwrap());
    service
        .world
        .fail("beta destroy", ErrorKind::Unavailable, When::Before);
    let answer = service.delete(&path).await;
    answer.is_problem(503, "destroy_incomplete");
    assert!(answer.detail().contains("left are beta ("), "{answer:?}");

    service.world.heal();
    let destroyed = json!({ "alpha": true, "beta": true, "volumes": false, "service": false });
    assert_eq!(service.delete(&path).await.ok()["destroyed"], destroyed);
    service
        .delete(&path)
        .await
        .is_problem(404, "unknown_instance");
    let state = service.world.state();
    let left: Vec<_> = state.resources.keys().map(|(_, id)| id.as_str()).collect();
    assert_eq!(left, [other["instanceId"].as_str().unwrap()]);
}

#[tokio::test]
async fn a_sweep_leaves_a_live_grant_and_destroys_and_forgets_an_expired_one() {
    let service = without_grace().await;
    service.create(&id(1), &["alpha"]).await.ok();
    ask(&service, &["alpha", "beta"]).await.ok();
    assert_eq!(sweep(&service).await["orphans"], json!([]));

    service.execute(EXPIRE).await;
    let report = service.post("/sweep", json!({})).await.ok();
    assert_eq!(report["orphans"].as_array().unwrap().len(), 2, "{report}");
    assert_eq!(
        service.number(GRANTS).await,
        1,
        "still for DELETE /destroy to take"
    );
    service
        .world
        .fail("beta list", ErrorKind::Unavailable, When::Before);
    assert_eq!(
        sweep(&service).await["orphans"].as_array().unwrap().len(),
        1
    );
    sweep(&service).await;
    assert_eq!(service.number(GRANTS).await, 1, "beta may have something");
    service.world.heal();
    sweep(&service).await;
    sweep(&service).await;
    assert_eq!(service.number(GRANTS).await, 0);
    let state = service.world.state();
    assert_eq!((state.services.len(), state.resources.len()), (1, 1));
}

#[tokio::test]
async fn a_grant_lives_as_long_as_the_setting_says() {
    let service = Service::with(&[("LOCAL_GRANT_TTL_MS", "3600000")]).await;
    let grant = ask(&service, &["alpha"]).await.ok();
    let expires_at: DateTime<Utc> = grant["expiresAt"].as_str().unwrap().parse().unwrap();
    let left = expires_at - Utc::now();
    assert!(left > TimeDelta::minutes(50) && left <= TimeDelta::minutes(61));
}

#[tokio::test]
async fn it_runs_to_its_end_though_the_caller_hangs_up() {
    let service = Service::start().await;
    service.world.hold("alpha provision");
    service
        .world
        .fail("beta provision", ErrorKind::Invalid, When::Before);
    let asked = ask(&service, &["alpha", "beta"]);
    tokio::select! {
        _ = asked => unreachable!("alpha is held"),
        () = service.world.called("alpha provision", 1) => {}
    }
    service.world.open("alpha provision");
    let undone = async || service.number(GRANTS).await == 0 && service.world.is_empty();
    eventually("what was made is undone", PATIENCE, undone).await;
}
