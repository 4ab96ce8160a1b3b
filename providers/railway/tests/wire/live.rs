//! Tests of live API behaviour that the schema does not describe. Each behaviour is one of fake-cloud's options.

use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::{Attempt, DeployStatus, ErrorKind, InstanceId, InstanceSpec, Redeploy};
use fake_cloud::{Pace, RailwayEdge, RailwayOptions};
use tokio::time::Instant;

use crate::rig::{Place, Rig, raw, variables};

fn spec() -> InstanceSpec {
    InstanceSpec {
        name: "agent".to_owned(),
        ..InstanceSpec::default()
    }
}

#[tokio::test]
async fn two_projects_are_created_one_interval_apart() {
    let throttled = RailwayOptions {
        project_gap_ms: 300,
        ..RailwayOptions::default()
    };
    let rig = Rig::start(Place::Own, throttled).await;
    let patient = [("RAILWAY_PROJECT_INTERVAL_MS", "350")];
    // Two replicas share the sections of their context.
    let replicas = [0, 1].map(|_| rig.another(Place::Own, &patient));
    let begun = Instant::now();
    let ids = [0; 4].map(|_| InstanceId::generate());
    let creations = ids.iter().enumerate().map(|(n, id)| {
        let (infra, cx) = (Arc::clone(&replicas[n % 2]), rig.cx.clone());
        async move { infra.create(&cx, id, &spec()).await }
    });
    for made in futures_util::future::join_all(creations).await {
        made.unwrap();
    }
    assert_eq!(rig.calls_to("projectCreate"), 4, "none was refused");
    assert!(begun.elapsed() >= Duration::from_millis(3 * 350));
}

#[tokio::test]
async fn a_turn_that_comes_too_late_names_the_rate_and_the_time() {
    let rig = Rig::own().await;
    let infra = rig.another(Place::Own, &[("RAILWAY_PROJECT_INTERVAL_MS", "30000")]);
    infra
        .create(&rig.cx, &InstanceId::generate(), &spec())
        .await
        .unwrap();
    let cx = rig.cx.within(Duration::from_secs(20));
    let error = infra
        .create(&cx, &InstanceId::generate(), &spec())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(
        error.to_string().contains("at most 120 instances an hour"),
        "{error}"
    );
    assert!(error.retry_after() > Some(Duration::from_secs(20)));
    assert_eq!(rig.calls_to("projectCreate"), 1);
}

#[tokio::test]
async fn what_was_just_made_and_is_not_found_yet_is_waited_for() {
    for place in [Place::Shared, Place::Own] {
        let slow = RailwayOptions {
            ready_pace: Pace::Reads(1),
            ..RailwayOptions::default()
        };
        let rig = Rig::start(place, slow).await;
        rig.create(&InstanceId::generate()).await.unwrap();
        assert_eq!(rig.calls_to("volumeUpdate"), 2, "{place:?}");
        assert_eq!(rig.calls_to("serviceDomainCreate"), 2, "{place:?}");
        let held = rig.held();
        assert_eq!((held.services.len(), held.domains.len()), (1, 1));
    }
}

#[tokio::test]
async fn what_never_becomes_visible_fails_in_the_end() {
    let never = RailwayOptions {
        ready_pace: Pace::Reads(1_000),
        ..RailwayOptions::default()
    };
    let rig = Rig::start(Place::Shared, never).await;
    let infra = rig.another(Place::Shared, &[("RAILWAY_READY_MS", "100")]);
    let error = infra
        .create(&rig.cx, &InstanceId::generate(), &spec())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn one_environment_is_changed_by_one_call_at_a_time() {
    let racy = RailwayOptions {
        change_ms: 30,
        ..RailwayOptions::default()
    };
    let rig = Rig::start(Place::Shared, racy).await;
    let replicas = [0, 1].map(|_| rig.another(Place::Shared, &[]));
    let set = variables([("A", "1")]);
    let ids = [0; 6].map(|_| InstanceId::generate());
    let work = ids.iter().enumerate().map(|(n, id)| {
        let (infra, cx, set) = (Arc::clone(&replicas[n % 2]), rig.cx.clone(), set.clone());
        async move {
            let made = infra.create(&cx, id, &spec()).await?;
            infra
                .configure(&cx, &made.handle, &set, Redeploy::Yes)
                .await
        }
    });
    for done in futures_util::future::join_all(work).await {
        done.unwrap();
    }
    assert_eq!(rig.calls_to("serviceDomainCreate"), 6);
    // Instances of one replica that wait for their turn at the same time share a commit.
    assert_eq!(rig.held().deployments.len(), 6);
    let refused = rig.cloud.exchanges().into_iter().filter_map(|sent| {
        let answer = sent.answer?;
        answer["errors"].is_array().then_some(answer)
    });
    let refused: Vec<_> = refused.collect();
    assert!(refused.is_empty(), "{refused:?}");
}

#[tokio::test]
async fn the_edge_counts_none_of_our_requests() {
    let narrow = RailwayOptions {
        edge: Some(RailwayEdge {
            requests_per_second: 1,
            block_ms: 60_000,
        }),
        ..RailwayOptions::default()
    };
    let rig = Rig::start(Place::Shared, narrow).await;
    for _ in 0..5 {
        rig.infra.list(&rig.cx).await.unwrap();
    }
    let source = ("source".to_owned(), "agent-pool".to_owned());
    assert!(
        rig.cloud
            .exchanges()
            .iter()
            .all(|sent| sent.query.contains(&source))
    );
}

#[tokio::test]
async fn requests_keep_to_the_rate_of_the_settings() {
    let rig = Rig::shared().await;
    let slow = rig.another(Place::Shared, &[("RAILWAY_REQUESTS_PER_SECOND", "10")]);
    let begun = Instant::now();
    for _ in 0..13 {
        slow.list(&rig.cx).await.unwrap();
    }
    // The requests of the first second are sent at once.
    assert!(
        begun.elapsed() >= Duration::from_millis(200),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn a_403_of_html_is_the_edge_and_one_of_json_is_the_token() {
    let rig = Rig::shared().await;
    let kind = async |body: &str| {
        rig.fault("environment", raw(403, body));
        rig.infra.list(&rig.cx).await.unwrap_err().kind()
    };
    let page = "<!doctype html><html>error 1015</html>";
    assert_eq!(kind(page).await, ErrorKind::RateLimited);
    assert_eq!(
        kind("{\"error\":\"forbidden\"}").await,
        ErrorKind::Unauthorized
    );
}

#[tokio::test]
async fn a_claimers_text_is_not_evaluated_and_an_operators_may_be() {
    let rig = Rig::shared().await;
    let infra = rig.another(Place::Shared, &[("RAILWAY_REFERENCES", "OWN")]);
    let handle = rig.created().await;
    let set = variables([
        ("TEXT", "${{shared.SECRET}}"),
        ("OWN", "${{shared.SECRET}}"),
    ]);
    infra
        .configure(&rig.cx, &handle, &set, Redeploy::No)
        .await
        .unwrap();
    let set = variables([("LATER", "${{ shared.SECRET }}")]);
    infra
        .configure(&rig.cx, &handle, &set, Redeploy::Yes)
        .await
        .unwrap();
    let seen = &rig.held().deployments[0].variables;
    assert_eq!(seen["OWN"], "the operator's");
    for name in ["TEXT", "LATER"] {
        assert!(
            !seen[name].contains("the operator's"),
            "{name} is {}",
            seen[name]
        );
    }
}

#[tokio::test]
async fn a_surplus_volume_of_a_lost_creation_is_removed_before_it_breaks_the_deployment() {
    let lagging = RailwayOptions {
        list_pace: Pace::Reads(1),
        ..RailwayOptions::default()
    };
    let rig = Rig::start(Place::Shared, lagging).await;
    let id = InstanceId::generate();
    rig.lose_answer("volumeCreate");
    rig.create(&id).await.unwrap_err();
    // The service is shown by now, and its volume is not.
    rig.infra.list(&rig.cx).await.unwrap();
    let volumes = rig.held().live_volumes();
    let _ = rig.create(&id).await;
    let made = rig.create(&id).await.unwrap();
    assert!(volumes >= 1);
    assert_eq!(rig.held().live_volumes(), 1);
    let set = variables([("A", "1")]);
    rig.infra
        .configure(&rig.cx, &made.handle, &set, Redeploy::Yes)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_page_that_takes_too_long_is_asked_for_in_halves() {
    let slow = RailwayOptions {
        slow_page: Some(15),
        ..RailwayOptions::default()
    };
    let rig = Rig::start(Place::Own, slow).await;
    rig.created().await;
    let before = rig.calls();
    assert_eq!(rig.infra.list(&rig.cx).await.unwrap().len(), 1);
    assert_eq!(rig.calls() - before, 3, "50, 25 and 12");
}

#[tokio::test]
async fn a_first_attempt_looks_for_nothing() {
    for (place, calls) in [(Place::Shared, 4), (Place::Own, 5)] {
        let rig = Rig::start(place, RailwayOptions::default()).await;
        let first = rig.cx.with_attempt(Attempt::First);
        let made = rig
            .infra
            .create(&first, &InstanceId::generate(), &spec())
            .await;
        assert_eq!(rig.calls(), calls, "{place:?}");
        let handle = made.unwrap().handle;
        let set = variables([("A", "1")]);
        rig.infra
            .configure(&rig.cx, &handle, &set, Redeploy::Yes)
            .await
            .unwrap();
        let listed = rig.infra.list(&rig.cx).await.unwrap();
        assert_eq!(listed[0].handle, handle, "{place:?}");
        assert_ne!(listed[0].status, Some(DeployStatus::Failed));
    }
}
