//! Tests of rows that are deleted during a vendor call: what is created then is undone.

use serde_json::json;

use crate::support::{Service, id};

/// Deletes all rows while `call` is held, then releases it.
async fn lose_the_rows(service: &Service, call: &str, times: usize) {
    service.world.called(call, times).await;
    service.execute("DELETE FROM instance_infra").await;
    service.execute("DELETE FROM local_grants").await;
    service.world.open(call);
}

#[tokio::test]
async fn a_creation_undoes_what_it_made_at_whatever_step() {
    let service = Service::start().await;
    for call in ["cellar create", "alpha provision", "cellar configure"] {
        service.world.hold(call);
        let times = service.world.count(call) + 1;
        let lost = lose_the_rows(&service, call, times);
        let (answer, ()) = tokio::join!(service.create("instance0001", &["alpha", "beta"]), lost);
        let detail = answer.is_problem(409, "instance_gone").detail();
        assert!(
            detail.contains("everything made for it is undone"),
            "{detail}"
        );
        assert!(service.world.is_empty(), "{call}");
        assert_eq!(service.rows().await, (0, 0), "{call}");
    }
}

#[tokio::test]
async fn a_further_tool_is_undone() {
    let service = Service::start().await;
    service.create(&id(1), &[]).await.ok();
    service.world.hold("beta provision");
    let lost = lose_the_rows(&service, "beta provision", 1);
    let asked = service.post("/provision/instance0001/beta", json!({}));
    let (answer, ()) = tokio::join!(asked, lost);
    answer.is_problem(409, "instance_gone");
    assert!(service.world.state().resources.is_empty());
}

#[tokio::test]
async fn a_tool_that_is_taken_away_is_told_to_be_gone_with_its_instance() {
    let service = Service::start().await;
    service.create(&id(1), &["alpha"]).await.ok();
    service.world.hold("alpha destroy");
    let lost = lose_the_rows(&service, "alpha destroy", 1);
    let asked = service.delete("/destroy/instance0001/alpha/alpha-instance0001@0");
    let (answer, ()) = tokio::join!(asked, lost);
    answer.ok();
    assert!(service.world.state().resources.is_empty());
}

#[tokio::test]
async fn tools_of_a_developers_machine_are_undone() {
    let service = Service::start().await;
    service.world.hold("alpha provision");
    let lost = lose_the_rows(&service, "alpha provision", 1);
    let asked = service.post("/provision-local", json!({ "tools": ["alpha", "beta"] }));
    let (answer, ()) = tokio::join!(asked, lost);
    let detail = answer.is_problem(409, "instance_gone").detail();
    assert!(
        detail.contains("everything made for it is undone"),
        "{detail}"
    );
    assert!(service.world.is_empty());
    let grants = service.number("SELECT count(*) FROM local_grants").await;
    assert_eq!(grants, 0);
}
