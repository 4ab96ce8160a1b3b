//! Tests of creations: their order, adoption, and the state after an interruption.

use std::time::Duration;

use agent_pool_core::{Effect as Outcome, ErrorKind, InstanceId};
use fake_cloud::{Effect, Pace, RailwayOptions};

use crate::rig::{IMAGE, Place, Rig, member};

#[tokio::test]
async fn a_new_instance_has_service_volume_and_domain_and_nothing_runs() {
    let rig = Rig::shared().await;
    let id = InstanceId::generate();
    let made = rig.create(&id).await.unwrap();
    let held = rig.held();
    let label = rig.cx.mark().label(&id);
    assert_eq!(held.services[0].name, label);
    assert_eq!(held.volumes[0].name, label);
    assert_eq!(
        held.volumes[0].service_ids,
        [made.handle.service.to_string()]
    );
    assert_eq!(
        member(&made.handle, "volumeId"),
        Some(held.volumes[0].id.as_str())
    );
    let environment = rig.cloud.railway_environment_id();
    assert_eq!(
        member(&made.handle, "environmentId"),
        Some(environment.as_str())
    );
    assert_eq!(made.handle.image.as_deref(), Some(IMAGE));
    assert_eq!(made.url.as_str().trim_end_matches('/'), held.domains[0].url);
    assert!(held.deployments.is_empty());
    assert_eq!(rig.calls(), 5);
}

#[tokio::test]
async fn a_project_each_bears_the_instances_label() {
    let rig = Rig::own().await;
    let id = InstanceId::generate();
    let made = rig.create(&id).await.unwrap();
    let held = rig.held();
    assert_eq!(held.projects[1].name, rig.cx.mark().label(&id));
    assert_eq!(
        member(&made.handle, "projectId"),
        Some(held.projects[1].id.as_str())
    );
    assert_eq!(held.services[0].project_id, held.projects[1].id);
    assert_eq!(rig.calls(), 6);
}

#[tokio::test]
async fn an_instance_that_is_there_is_adopted() {
    for place in [Place::Shared, Place::Own] {
        let rig = Rig::start(place, RailwayOptions::default()).await;
        let id = InstanceId::generate();
        let first = rig.create(&id).await.unwrap();
        let held = rig.held();
        let before = rig.calls();
        assert_eq!(rig.create(&id).await.unwrap(), first, "{place:?}");
        assert_eq!(rig.held(), held, "{place:?}");
        assert_eq!(rig.calls() - before, 1, "{place:?}");
    }
}

/// The mutations of a creation, in their order.
fn steps(place: Place) -> &'static [&'static str] {
    const ALL: [&str; 5] = [
        "projectCreate",
        "serviceCreate",
        "volumeCreate",
        "volumeUpdate",
        "serviceDomainCreate",
    ];
    match place {
        Place::Shared => &ALL[1..],
        Place::Own => &ALL,
    }
}

#[tokio::test]
async fn a_creation_cut_short_at_any_step_is_completed_by_the_next() {
    for place in [Place::Shared, Place::Own] {
        for step in steps(place) {
            for lost_after_effect in [false, true] {
                let rig = Rig::start(place, RailwayOptions::default()).await;
                let id = InstanceId::generate();
                if lost_after_effect {
                    rig.lose_answer(step);
                } else {
                    rig.fault(step, Effect::Cut);
                }
                let error = rig.create(&id).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{step}");
                assert_eq!(error.effect(), Outcome::Unknown, "{step}");

                let made = rig.create(&id).await.unwrap();
                let held = rig.held();
                assert_eq!(held.services.len(), 1, "{place:?} {step}");
                assert_eq!(held.live_volumes(), 1, "{place:?} {step}");
                assert_eq!(held.volumes[0].name, rig.cx.mark().label(&id));
                assert_eq!(held.domains.len(), 1, "{place:?} {step}");
                rig.destroy(&made.handle).await.unwrap();
                rig.assert_empty();
            }
        }
    }
}

#[tokio::test]
async fn a_creation_cut_short_at_any_step_is_listed_and_can_be_destroyed() {
    for place in [Place::Shared, Place::Own] {
        for step in steps(place) {
            let rig = Rig::start(place, RailwayOptions::default()).await;
            let id = InstanceId::generate();
            rig.lose_answer(step);
            rig.create(&id).await.unwrap_err();
            let listed = rig.infra.list(&rig.cx).await.unwrap();
            assert_eq!(listed.len(), 1, "{place:?} {step}");
            assert_eq!(listed[0].handle.instance, id, "{place:?} {step}");
            rig.destroy(&listed[0].handle).await.unwrap();
            rig.assert_empty();
        }
    }
}

#[tokio::test]
async fn a_lost_creation_asks_for_the_time_that_lists_lag_behind() {
    let rig = Rig::shared().await;
    rig.lose_answer("volumeCreate");
    let error = rig.create(&InstanceId::generate()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
}

#[tokio::test]
async fn a_name_that_is_taken_by_what_is_not_listed_yet_is_a_conflict_that_passes() {
    let lagging = RailwayOptions {
        list_pace: Pace::Reads(2),
        ..RailwayOptions::default()
    };
    let rig = Rig::start(Place::Shared, lagging).await;
    let id = InstanceId::generate();
    rig.lose_answer("serviceCreate");
    rig.create(&id).await.unwrap_err();
    let error = rig.create(&id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.is_transient());
    rig.create(&id).await.unwrap_err();
    rig.create(&id).await.unwrap();
    assert_eq!(rig.held().services.len(), 1);
}

#[tokio::test]
async fn a_lost_answer_is_healed_within_one_call_by_the_retry_layer() {
    let rig = Rig::shared().await;
    let patient = [("RAILWAY_MAX_ATTEMPTS", "3"), ("RAILWAY_SETTLE_MS", "0")];
    let infra = rig.another(Place::Shared, &patient);
    rig.lose_answer("serviceCreate");
    rig.fault("volumeCreate", Effect::Cut);
    let spec = agent_pool_core::InstanceSpec {
        name: "agent".to_owned(),
        ..agent_pool_core::InstanceSpec::default()
    };
    let made = infra.create(&rig.cx, &InstanceId::generate(), &spec).await;
    let held = rig.held();
    assert_eq!(
        held.services[0].id,
        made.unwrap().handle.service.to_string()
    );
    assert_eq!((held.services.len(), held.live_volumes()), (1, 1));
}

#[tokio::test]
async fn the_quotas_on_creating_are_rate_limits_with_a_time() {
    let throttled = RailwayOptions {
        project_gap_ms: 3_600_000,
        volume_gap_ms: 3_600_000,
        ..RailwayOptions::default()
    };
    for (place, seconds) in [(Place::Shared, 3), (Place::Own, 30)] {
        let rig = Rig::start(place, throttled.clone()).await;
        rig.created().await;
        let error = rig.create(&InstanceId::generate()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(seconds)));
        assert_eq!(error.effect(), Outcome::NotDone);
    }
}

#[tokio::test]
async fn a_full_project_is_a_quota() {
    let full = RailwayOptions {
        volumes_per_project: 0,
        ..RailwayOptions::default()
    };
    let rig = Rig::start(Place::Shared, full).await;
    let error = rig.create(&InstanceId::generate()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
}

#[tokio::test]
async fn the_domain_leads_to_the_port_and_the_volume_to_the_path_of_the_settings() {
    let rig = Rig::shared().await;
    let infra = rig.another(
        Place::Shared,
        &[
            ("RAILWAY_TARGET_PORT", "8080"),
            ("RAILWAY_VOLUME_MOUNT", "/var/agent"),
        ],
    );
    let spec = agent_pool_core::InstanceSpec {
        name: "agent".to_owned(),
        ..agent_pool_core::InstanceSpec::default()
    };
    let id = InstanceId::generate();
    infra.create(&rig.cx, &id, &spec).await.unwrap();
    let exchanges = rig.cloud.exchanges().into_iter();
    let inputs: Vec<_> = exchanges
        .filter_map(|sent| Some(sent.request?["variables"]["input"].clone()))
        .collect();
    assert!(inputs.iter().any(|input| input["targetPort"] == 8080));
    assert!(
        inputs
            .iter()
            .any(|input| input["mountPath"] == "/var/agent")
    );
}

#[tokio::test]
async fn an_instance_is_made_and_stays_in_the_region_of_its_options() {
    let rig = Rig::shared().await;
    let infra = rig.another(Place::Shared, &[("RAILWAY_REGION", "us-west2")]);
    let options = serde_json::json!({ "region": "europe-west4", "memoryMb": 700 });
    let spec = agent_pool_core::InstanceSpec {
        name: "agent".to_owned(),
        options: serde_json::from_value(options).unwrap(),
        ..agent_pool_core::InstanceSpec::default()
    };
    let id = InstanceId::generate();
    let mut handle = infra.create(&rig.cx, &id, &spec).await.unwrap().handle;
    for region in ["europe-west4", "asia-southeast1"] {
        handle.options = spec.options.clone();
        handle.options.insert("region".to_owned(), region.into());
        let none = agent_pool_core::EnvVars::new();
        let redeploy = agent_pool_core::Redeploy::Yes;
        infra
            .configure(&rig.cx, &handle, &none, redeploy)
            .await
            .unwrap();
    }
    let sent = rig.cloud.exchanges().into_iter();
    let variables = sent.filter_map(|sent| Some(sent.request?["variables"].clone()));
    let variables: Vec<_> = variables.collect();
    let volume = variables
        .iter()
        .find(|one| one["input"]["mountPath"].is_string());
    assert_eq!(volume.unwrap()["input"]["region"], "europe-west4");
    let patches = variables.iter().filter(|one| one["patch"].is_object());
    let deploys: Vec<_> = patches
        .map(|one| &one["patch"]["services"][handle.service.as_str()]["deploy"])
        .collect();
    assert_eq!(deploys.len(), 2);
    for deploy in deploys {
        assert_eq!(
            deploy["multiRegionConfig"],
            serde_json::json!({ "europe-west4": { "numReplicas": 1 } })
        );
        assert_eq!(
            deploy["limitOverride"]["containers"]["memoryBytes"],
            700_000_000
        );
    }
}

#[tokio::test]
async fn an_environment_is_found_by_its_name_once() {
    let rig = Rig::shared().await;
    let named = rig.another(
        Place::Shared,
        &[
            ("RAILWAY_ENVIRONMENT_ID", ""),
            ("RAILWAY_ENVIRONMENT_NAME", "production"),
        ],
    );
    named.list(&rig.cx).await.unwrap();
    named.list(&rig.cx).await.unwrap();
    assert_eq!(rig.calls_to("environments"), 1);

    let missing = rig.another(
        Place::Shared,
        &[
            ("RAILWAY_ENVIRONMENT_ID", ""),
            ("RAILWAY_ENVIRONMENT_NAME", "nowhere"),
        ],
    );
    let error = missing.list(&rig.cx).await.unwrap_err();
    assert!(
        error.to_string().contains("has no environment \"nowhere\""),
        "{error}"
    );
}

#[tokio::test]
async fn a_project_token_names_project_and_environment_itself() {
    let rig = Rig::shared().await;
    let token = rig.cloud.options().railway.tokens.project.clone();
    let infra = rig.another(
        Place::Shared,
        &[
            ("RAILWAY_API_TOKEN", &token),
            ("RAILWAY_TOKEN_KIND", "project"),
            ("RAILWAY_PROJECT_ID", ""),
            ("RAILWAY_ENVIRONMENT_ID", ""),
        ],
    );
    let spec = agent_pool_core::InstanceSpec {
        name: "agent".to_owned(),
        image: Some("other:2".to_owned()),
        ..agent_pool_core::InstanceSpec::default()
    };
    let made = infra
        .create(&rig.cx, &InstanceId::generate(), &spec)
        .await
        .unwrap();
    let project = rig.cloud.railway_project_id();
    assert_eq!(member(&made.handle, "projectId"), Some(project.as_str()));
    assert_eq!(made.handle.image.as_deref(), Some("other:2"));
    infra.destroy(&rig.cx, &made.handle).await.unwrap();
    rig.assert_empty();
    assert_eq!(rig.calls_to("projectToken"), 1);
}
