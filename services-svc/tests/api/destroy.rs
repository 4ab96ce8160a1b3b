//! `DELETE /destroy/:instanceId`.

use agent_pool_core::ErrorKind;
use serde_json::json;

use crate::support::{Service, When, id};

#[tokio::test]
async fn all_of_an_instance_goes_and_then_it_is_unknown() {
    let service = Service::start().await;
    let path = format!("/destroy/{}", id(1));
    service.create(&id(1), &["alpha", "beta"]).await.ok();
    let destroyed = json!({ "alpha": true, "beta": true, "volumes": true, "service": true });
    let expected = json!({ "instanceId": id(1), "destroyed": destroyed });
    assert_eq!(service.delete(&path).await.ok(), expected);
    assert!(service.world.is_empty());
    assert_eq!(service.rows().await, (0, 0));
    service
        .delete(&path)
        .await
        .is_problem(404, "unknown_instance");
}

#[tokio::test]
async fn a_vendor_that_is_down_keeps_its_row_until_it_is_up() {
    for (call, status) in [
        ("alpha destroy", 503),
        ("cellar destroy", 503),
        ("beta destroy", 502),
    ] {
        let service = Service::start().await;
        let path = format!("/destroy/{}", id(1));
        service.create(&id(1), &["alpha", "beta"]).await.ok();
        let kind = if status == 503 {
            ErrorKind::Unavailable
        } else {
            ErrorKind::Unauthorized
        };
        service.world.fail(call, kind, When::Before);
        let answer = service.delete(&path).await;
        answer.is_problem(status, "destroy_incomplete");
        let provider = call.split(' ').next().unwrap();
        assert!(
            answer.detail().contains(&format!("left are {provider} (")),
            "{answer:?}"
        );
        assert_eq!(answer.headers.contains_key("retry-after"), status == 503);
        let marked = "SELECT count(*) FROM instance_infra WHERE destroying_at IS NOT NULL";
        assert_eq!(service.number(marked).await, 1);

        service.world.heal();
        let asked_before = service.world.count("alpha destroy");
        service.delete(&path).await.ok();
        if provider != "alpha" {
            assert_eq!(
                service.world.count("alpha destroy"),
                asked_before,
                "it was gone"
            );
        }
        assert!(service.world.is_empty());
        assert_eq!(service.rows().await, (0, 0));
    }
}

#[tokio::test]
async fn tools_go_side_by_side_and_the_infra_after_them() {
    let service = Service::start().await;
    service.create(&id(1), &["alpha", "beta"]).await.ok();
    service.world.hold("alpha destroy");
    service.world.hold("beta destroy");
    let both = async {
        service.world.called("alpha destroy", 1).await;
        service.world.called("beta destroy", 1).await;
        assert_eq!(service.world.count("cellar destroy"), 0);
        service.world.open("alpha destroy");
        service.world.open("beta destroy");
    };
    let path = format!("/destroy/{}", id(1));
    let (answer, ()) = tokio::join!(service.delete(&path), both);
    answer.ok();
}

#[tokio::test]
async fn what_was_made_and_not_written_down_is_found_by_its_mark() {
    let service = Service::start().await;
    service.create(&id(1), &["alpha"]).await.ok();
    service.create(&id(2), &["alpha"]).await.ok();
    let crash = "UPDATE {} SET made_at = NULL WHERE instance_id = 'instance0001'";
    service
        .execute(&crash.replace("{}", "instance_infra"))
        .await;
    service
        .execute(&crash.replace("{}", "instance_services"))
        .await;

    service.delete(&format!("/destroy/{}", id(1))).await.ok();
    let state = service.world.state();
    let left: Vec<_> = state.services.keys().map(ToString::to_string).collect();
    assert_eq!((left, state.resources.len()), (vec![id(2)], 1));
}
