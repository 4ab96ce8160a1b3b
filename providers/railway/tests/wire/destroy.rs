//! Tests of destructions: complete, repeated, with the other placement, and never with a bad token.

use agent_pool_core::{DeployStatus, ErrorKind, InfraHandle, InstanceId};
use fake_cloud::{Effect, Pace, RailwayOptions};
use serde_json::json;

use crate::rig::{Place, Rig, member, raw};

#[tokio::test]
async fn destroying_takes_volume_and_service_or_the_project_along() {
    for (place, calls) in [(Place::Shared, 3), (Place::Own, 2)] {
        let rig = Rig::start(place, RailwayOptions::default()).await;
        let handle = rig.created().await;
        let before = rig.calls();
        rig.destroy(&handle).await.unwrap();
        assert_eq!(rig.calls() - before, calls, "{place:?}");
        rig.assert_empty();
    }
}

#[tokio::test]
async fn what_is_gone_already_is_a_success_whatever_railway_calls_it() {
    for place in [Place::Shared, Place::Own] {
        for words in [
            "Not Authorized",
            "Problem processing request",
            "Thing not found",
        ] {
            let options = RailwayOptions {
                gone_message: words.to_owned(),
                ..RailwayOptions::default()
            };
            let rig = Rig::start(place, options).await;
            let handle = rig.created().await;
            rig.destroy(&handle).await.unwrap();
            rig.destroy(&handle).await.unwrap();
            rig.assert_empty();
        }
    }
}

#[tokio::test]
async fn what_never_was_is_a_success() {
    let rig = Rig::shared().await;
    let mut data = rig.created().await.data;
    data["volumeId"] = "nothing".into();
    let handle = InfraHandle {
        data,
        ..InfraHandle::new(InstanceId::generate(), "nothing".parse().unwrap())
    };
    rig.destroy(&handle).await.unwrap();
    assert_eq!(rig.held().services.len(), 1, "and another's instance stays");
    assert_eq!(rig.held().live_volumes(), 1);
}

#[tokio::test]
async fn a_removal_cut_short_at_any_step_is_finished_by_the_next() {
    for (place, steps) in [
        (
            Place::Shared,
            ["environment", "volumeDelete", "serviceDelete"].as_slice(),
        ),
        (Place::Own, ["project", "projectDelete"].as_slice()),
    ] {
        for step in steps {
            for lost_after_effect in [false, true] {
                let rig = Rig::start(place, RailwayOptions::default()).await;
                let handle = rig.created().await;
                if lost_after_effect {
                    rig.lose_answer(step);
                } else {
                    rig.fault(step, Effect::Cut);
                }
                let error = rig.destroy(&handle).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{step}");
                rig.destroy(&handle).await.unwrap();
                rig.assert_empty();
            }
        }
    }
}

#[tokio::test]
async fn a_revoked_token_removes_nothing_and_is_no_success() {
    for place in [Place::Shared, Place::Own] {
        let rig = Rig::start(place, RailwayOptions::default()).await;
        let handle = rig.created().await;
        let revoked = rig.another(place, &[("RAILWAY_API_TOKEN", "revoked")]);
        let error = revoked.destroy(&rig.cx, &handle).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{place:?}");
        assert_eq!(rig.held().services.len(), 1);
    }
}

#[tokio::test]
async fn a_refusal_to_remove_what_is_there_is_an_error() {
    for (place, step) in [
        (Place::Shared, "volumeDelete"),
        (Place::Shared, "serviceDelete"),
        (Place::Own, "projectDelete"),
    ] {
        for (words, kind) in [
            ("Not Authorized", ErrorKind::Unauthorized),
            ("Problem processing request", ErrorKind::Unavailable),
            ("Volume: operation already in progress", ErrorKind::Conflict),
        ] {
            let rig = Rig::start(place, RailwayOptions::default()).await;
            let handle = rig.created().await;
            rig.keep_failing(step, Effect::graphql(words));
            let error = rig.destroy(&handle).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{step}: {words}");
        }
    }
}

#[tokio::test]
async fn an_answer_of_no_to_a_removal_is_an_error() {
    for (place, step) in [
        (Place::Shared, "volumeDelete"),
        (Place::Shared, "serviceDelete"),
        (Place::Own, "projectDelete"),
    ] {
        let rig = Rig::start(place, RailwayOptions::default()).await;
        let handle = rig.created().await;
        rig.fault(step, raw(200, json!({ "data": { step: false } })));
        let error = rig.destroy(&handle).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{step}");
        rig.destroy(&handle).await.unwrap();
        rig.assert_empty();
    }
}

#[tokio::test]
async fn a_project_on_its_way_out_is_left_to_go() {
    let rig = Rig::own().await;
    let handle = rig.created().await;
    let going = json!({ "name": "x", "deletedAt": "2026-11-23T19:00:00Z" });
    rig.fault("project", raw(200, json!({ "data": { "project": going } })));
    rig.destroy(&handle).await.unwrap();
    assert_eq!(rig.calls_to("projectDelete"), 0);
}

#[tokio::test]
async fn an_environment_that_is_said_to_be_missing_does_not_keep_what_the_handle_names() {
    let rig = Rig::shared().await;
    let handle = rig.created().await;
    rig.fault("environment", Effect::graphql("Environment not found"));
    rig.destroy(&handle).await.unwrap();
    rig.assert_empty();
}

#[tokio::test]
async fn a_project_that_may_not_be_seen_is_looked_for_before_it_counts_as_gone() {
    let rig = Rig::own().await;
    let handle = rig.created().await;
    rig.keep_failing("project", Effect::graphql("Not Authorized"));
    let error = rig.destroy(&handle).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!(rig.held().projects.len(), 2);
}

#[tokio::test]
async fn what_was_just_made_is_removed_though_no_list_shows_it() {
    let lagging = RailwayOptions {
        list_pace: Pace::Reads(100),
        ..RailwayOptions::default()
    };
    for place in [Place::Shared, Place::Own] {
        let rig = Rig::start(place, lagging.clone()).await;
        let handle = rig.created().await;
        rig.destroy(&handle).await.unwrap();
        rig.assert_empty();
    }
}

#[tokio::test]
async fn every_volume_of_a_service_goes_with_it() {
    let rig = Rig::shared().await;
    let handle = rig.created().await;
    let id = |name| member(&handle, name).unwrap();
    let (project, environment) = (id("projectId"), id("environmentId"));
    let input = format!(
        "{{projectId: \"{project}\", environmentId: \"{environment}\", serviceId: \"{}\", mountPath: \"/more\"}}",
        handle.service
    );
    rig.ask(&format!(
        "mutation {{ volumeCreate(input: {input}) {{ id }} }}"
    ))
    .await;
    rig.destroy(&handle).await.unwrap();
    rig.assert_empty();
}

#[tokio::test]
async fn a_volume_that_lost_its_service_is_listed_and_destroyed() {
    let rig = Rig::shared().await;
    let handle = rig.created().await;
    let service = &handle.service;
    rig.ask(&format!("mutation {{ serviceDelete(id: \"{service}\") }}"))
        .await;
    let listed = rig.infra.list(&rig.cx).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].handle.instance, handle.instance);
    assert_eq!(listed[0].handle.data, handle.data);
    assert_eq!(listed[0].status, Some(DeployStatus::Removed));
    rig.destroy(&listed[0].handle).await.unwrap();
    rig.assert_empty();
    assert_eq!(rig.infra.list(&rig.cx).await.unwrap(), []);
}

#[tokio::test]
async fn a_stray_volume_of_a_living_instance_is_listed_with_it_and_goes_with_it() {
    let rig = Rig::shared().await;
    let handle = rig.created().await;
    let label = rig.cx.mark().label(&handle.instance);
    let id = |name| member(&handle, name).unwrap();
    let (project, environment) = (id("projectId"), id("environmentId"));
    let input = format!(
        "{{projectId: \"{project}\", environmentId: \"{environment}\", mountPath: \"/data\"}}"
    );
    let made = rig
        .ask(&format!(
            "mutation {{ volumeCreate(input: {input}) {{ id }} }}"
        ))
        .await;
    let stray = made["volumeCreate"]["id"].as_str().unwrap();
    let rename = format!("volumeUpdate(volumeId: \"{stray}\", input: {{name: \"{label}\"}})");
    rig.ask(&format!("mutation {{ {rename} {{ id }} }}")).await;

    let listed = rig.infra.list(&rig.cx).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].handle.data, handle.data);
    rig.destroy(&handle).await.unwrap();
    rig.assert_empty();
}

#[tokio::test]
async fn a_handle_of_the_other_placement_is_destroyed_rightly() {
    let rig = Rig::shared().await;
    let shared = rig.created().await;
    let own_infra = rig.another(Place::Own, &[]);
    own_infra.destroy(&rig.cx, &shared).await.unwrap();
    rig.assert_empty();

    let rig = Rig::own().await;
    let own = rig.created().await;
    let shared_infra = rig.another(Place::Shared, &[]);
    shared_infra.destroy(&rig.cx, &own).await.unwrap();
    rig.assert_empty();
}
