//! Tests of the tools of an existing instance: added, ensured and removed.

use agent_pool_core::{ErrorKind, Secret};
use serde_json::json;

use crate::support::{Service, When, id};

async fn with_instance() -> Service {
    let service = Service::start().await;
    service.create(&id(1), &["alpha"]).await.ok();
    service
}

#[tokio::test]
async fn a_tool_is_added_with_its_options_and_variables_and_no_deployment() {
    let service = with_instance().await;
    let path = format!("/provision/{}/beta", id(1));
    let answer = service
        .post(&path, json!({ "config": { "size": 2 } }))
        .await;
    let expected = json!({ "toolId": "beta", "resourceId": format!("beta-{}@1", id(1)),
                           "envKey": "BETA_NUMBER", "status": "active" });
    assert_eq!(answer.ok(), expected);
    let state = service.world.state();
    let made = state.services.values().next().unwrap();
    let number = Secret::new(format!("hunter2-BETA_NUMBER-{}", id(1)));
    assert_eq!(made.variables.get("BETA_NUMBER"), Some(&number));
    assert_eq!(made.deployments, 1);
}

#[tokio::test]
async fn what_is_there_is_a_conflict_and_what_cannot_be_had_is_named() {
    let service = with_instance().await;
    let provision = async |tool: &str| {
        let path = format!("/provision/{}/{tool}", id(1));
        service.post(&path, json!({})).await
    };
    provision("alpha")
        .await
        .is_problem(409, "already_provisioned");
    provision("nosuch").await.is_problem(400, "unknown_tool");
    provision("NOT-A-TOOL")
        .await
        .is_problem(400, "unknown_tool");
    provision("gamma")
        .await
        .is_problem(422, "provider_unconfigured");
    let unknown = service
        .post("/provision/nosuchinstan/beta", json!({}))
        .await;
    unknown.is_problem(404, "unknown_instance");
}

#[tokio::test]
async fn a_tool_whose_variables_cannot_be_set_is_taken_back() {
    let service = with_instance().await;
    let path = format!("/provision/{}/beta", id(1));
    service
        .world
        .fail("cellar configure", ErrorKind::Protocol, When::Before);
    service
        .post(&path, json!({}))
        .await
        .is_problem(502, "vendor_protocol");
    assert_eq!(service.world.state().resources.len(), 1);

    service
        .world
        .fail("beta destroy", ErrorKind::Unavailable, When::Before);
    service
        .post(&path, json!({}))
        .await
        .is_problem(502, "vendor_protocol");
    let marked = "SELECT count(*) FROM instance_services WHERE destroying_at IS NOT NULL \
                  AND status = 'active'";
    assert_eq!(service.number(marked).await, 1);
    service.world.heal();
    service.post(&path, json!({})).await.ok();
    assert_eq!(service.number(marked).await, 0);
}

#[tokio::test]
async fn a_tool_is_taken_away_and_can_be_had_again() {
    let service = with_instance().await;
    let resource = format!("alpha-{}@0", id(1));
    let path = format!("/destroy/{}/alpha/{}", id(1), resource.replace('@', "%40"));
    let expected = json!({ "toolId": "alpha", "resourceId": resource, "deleted": true });
    assert_eq!(service.delete(&path).await.ok(), expected);
    assert!(service.world.state().resources.is_empty());
    let forgotten = "SELECT count(*) FROM instance_services WHERE status = 'destroyed' \
                     AND env_value IS NULL";
    assert_eq!(service.number(forgotten).await, 1);
    assert_eq!(service.delete(&path).await.ok(), expected);
    assert_eq!(service.world.count("alpha destroy"), 1);

    service
        .post(&format!("/provision/{}/alpha", id(1)), json!({}))
        .await
        .ok();
    assert_eq!(service.world.state().resources.len(), 1);
}

#[tokio::test]
async fn a_tool_whose_vendor_is_down_stays_for_the_next_try() {
    let service = with_instance().await;
    let path = format!("/destroy/{}/alpha/alpha-{}@0", id(1), id(1));
    service
        .world
        .fail("alpha destroy", ErrorKind::Unavailable, When::Before);
    service
        .delete(&path)
        .await
        .is_problem(503, "vendor_unavailable");
    service.world.heal();
    service.delete(&path).await.ok();
    let nothing = format!("/destroy/{}/alpha/other", id(1));
    service
        .delete(&nothing)
        .await
        .is_problem(404, "unknown_resource");
    service
        .delete("/destroy/nosuchinstan/alpha/x")
        .await
        .is_problem(404, "unknown_instance");
}

fn tools_of(instance: &str) -> String {
    format!("/instances/{instance}/tools")
}

fn variable(service: &Service, name: &str) -> Option<Secret> {
    let state = service.world.state();
    let made = state.services.values().next().unwrap();
    made.variables.get(name).cloned()
}

#[tokio::test]
async fn tools_are_ensured_together_and_repeated_it_answers_the_same() {
    let service = with_instance().await;
    let body = json!({ "tools": ["alpha", "beta"] });
    let answer = service.put(&tools_of(&id(1)), body.clone()).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    let mut first = answer.ok();
    assert_eq!(first["made"].take(), json!(["beta"]));
    assert_eq!(
        first["tools"],
        json!({ "alpha": { "resourceId": format!("alpha-{}@0", id(1)) },
                "beta": { "resourceId": format!("beta-{}@0", id(1)) } })
    );
    let number = format!("hunter2-BETA_NUMBER-{}", id(1));
    assert_eq!(first["variables"]["BETA_NUMBER"], number.as_str());
    assert_eq!(
        variable(&service, "BETA_NUMBER"),
        Some(Secret::new(&*number))
    );
    let mut again = service.put(&tools_of(&id(1)), body).await.ok();
    assert_eq!(again["made"].take(), json!([]));
    assert_eq!(again, first);
    assert_eq!(service.world.count("alpha provision"), 1, "it was there");
    assert_eq!(service.world.count("beta provision"), 1);
    let state = service.world.state();
    assert_eq!(state.services.values().next().unwrap().deployments, 1);
}

#[tokio::test]
async fn tools_are_ensured_all_or_none() {
    let service = Service::start().await;
    service.create(&id(1), &[]).await.ok();
    let body = json!({ "tools": ["alpha", "beta"] });
    service
        .world
        .fail("beta provision", ErrorKind::Unavailable, When::Before);
    service
        .put(&tools_of(&id(1)), body.clone())
        .await
        .is_problem(503, "vendor_unavailable");
    assert!(service.world.state().resources.is_empty());
    service.world.heal();
    service.put(&tools_of(&id(1)), body).await.ok();

    for (tool, status, code) in [
        ("nosuch", 400, "unknown_tool"),
        ("gamma", 422, "provider_unconfigured"),
    ] {
        let refused = service
            .put(&tools_of(&id(1)), json!({ "tools": ["alpha", tool] }))
            .await;
        refused.is_problem(status, code);
        assert_eq!(refused.body["field"], "tools[1]");
    }
    service
        .put(&tools_of("nosuchinstan"), json!({ "tools": ["alpha"] }))
        .await
        .is_problem(404, "unknown_instance");
}

#[tokio::test]
async fn a_removed_tool_is_destroyed_and_its_variables_are_blank() {
    let service = with_instance().await;
    let path = format!("{}/alpha", tools_of(&id(1)));
    service
        .world
        .fail("cellar configure", ErrorKind::Unavailable, When::Before);
    service
        .delete(&path)
        .await
        .is_problem(503, "vendor_unavailable");
    assert!(service.world.state().resources.is_empty());
    service.world.heal();
    let removed = service.delete(&path).await.ok();
    let name = removed["variables"][0].as_str().unwrap().to_owned();
    assert_eq!(variable(&service, &name), Some(Secret::new("")));
    assert_eq!(service.world.count("alpha destroy"), 1);
    assert_eq!(removed["removed"], false, "the call before has done it");
    assert_eq!(service.delete(&path).await.ok(), removed, "repeated");

    let never = service.delete(&format!("{}/beta", tools_of(&id(1)))).await;
    assert_eq!(never.ok()["variables"], json!([]), "it never had one");
    let misspelt = service.delete(&format!("{}/alpah", tools_of(&id(1)))).await;
    misspelt.is_problem(400, "unknown_tool");
    let body = json!({ "tools": ["alpha"] });
    service.put(&tools_of(&id(1)), body).await.ok();
    assert_eq!(service.world.state().resources.len(), 1);
    assert_ne!(variable(&service, &name), Some(Secret::new("")));
}
