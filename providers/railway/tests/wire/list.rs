//! Tests of lists: the whole fleet with one call for each page.

use std::collections::BTreeSet;

use agent_pool_core::{DeployStatus, EnvVars, ErrorKind, InstanceId, Redeploy};
use fake_cloud::{DeploymentStatus, Effect, RailwayOptions};
use serde_json::json;

use crate::rig::{IMAGE, Place, Rig, member, raw};

#[tokio::test]
async fn an_instance_is_listed_with_all_that_its_handle_needs() {
    for place in [Place::Shared, Place::Own] {
        let rig = Rig::start(place, RailwayOptions::default()).await;
        let made = rig.create(&InstanceId::generate()).await.unwrap();
        let listed = rig.infra.list(&rig.cx).await.unwrap();
        assert_eq!(listed[0].status, None, "nothing was deployed");
        assert!(listed[0].created_at.is_some());

        let nothing = EnvVars::new();
        rig.infra
            .configure(&rig.cx, &made.handle, &nothing, Redeploy::Yes)
            .await
            .unwrap();
        let listed = rig.infra.list(&rig.cx).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].handle, made.handle, "{place:?}");
        assert_eq!(listed[0].handle.image.as_deref(), Some(IMAGE));
        assert_eq!(listed[0].url.as_ref(), Some(&made.url));
    }
}

async fn status_of(rig: &Rig) -> Option<DeployStatus> {
    rig.infra.list(&rig.cx).await.unwrap()[0].status.clone()
}

/// Each query advances the fake's deployments by a stage; none has more than five.
async fn settled(rig: &Rig) -> Option<DeployStatus> {
    for _ in 0..5 {
        status_of(rig).await;
    }
    status_of(rig).await
}

#[tokio::test]
async fn the_status_is_that_of_the_newest_deployment() {
    let rig = Rig::shared().await;
    let handle = rig.created().await;
    let nothing = EnvVars::new();
    rig.infra
        .configure(&rig.cx, &handle, &nothing, Redeploy::Yes)
        .await
        .unwrap();
    assert_eq!(settled(&rig).await, Some(DeployStatus::Success));
    rig.cloud
        .crash_service(&rig.cx.mark().label(&handle.instance));
    assert_eq!(status_of(&rig).await, Some(DeployStatus::Crashed));
    rig.cloud.set_image_outcome(IMAGE, DeploymentStatus::Failed);
    rig.infra.redeploy(&rig.cx, &handle).await.unwrap();
    assert_eq!(settled(&rig).await, Some(DeployStatus::Failed));
}

#[tokio::test]
async fn a_volume_on_its_way_out_is_left_out() {
    let rig = Rig::shared().await;
    let handle = rig.created().await;
    let volume = member(&handle, "volumeId").unwrap();
    rig.ask(&format!(
        "mutation {{ volumeDelete(volumeId: \"{volume}\") }}"
    ))
    .await;
    let listed = rig.infra.list(&rig.cx).await.unwrap();
    assert_eq!(member(&listed[0].handle, "volumeId"), None);
}

#[tokio::test]
async fn a_service_and_a_project_on_their_way_out_are_left_out() {
    let rig = Rig::shared().await;
    let label = rig.cx.mark().label(&InstanceId::generate());
    let at = "2026-11-23T19:00:00Z";
    let page = |node: serde_json::Value| json!({ "edges": [{ "node": node }], "pageInfo": { "hasNextPage": false } });
    let none = json!({ "edges": [], "pageInfo": { "hasNextPage": false } });
    let service = json!({
        "serviceId": "s", "serviceName": label, "createdAt": at, "deletedAt": at,
        "domains": { "serviceDomains": [], "customDomains": [] },
    });
    let environment = json!({ "serviceInstances": page(service), "volumeInstances": none });
    rig.fault(
        "environment",
        raw(200, json!({ "data": { "environment": environment } })),
    );
    assert_eq!(rig.infra.list(&rig.cx).await.unwrap(), []);

    let project = json!({
        "id": "p", "name": label, "createdAt": at, "deletedAt": at, "environments": none,
    });
    rig.fault(
        "projects",
        raw(200, json!({ "data": { "projects": page(project) } })),
    );
    let own = rig.another(Place::Own, &[]);
    assert_eq!(own.list(&rig.cx).await.unwrap(), []);
}

#[tokio::test]
async fn a_project_with_more_than_its_instance_is_read_to_the_end() {
    let rig = Rig::own().await;
    let id = InstanceId::generate();
    rig.fault("serviceCreate", fake_cloud::Effect::Cut);
    rig.create(&id).await.unwrap_err();
    let project = rig.held().projects[1].id.clone();
    let strangers = (0..6).map(|n| service(&project, &format!("stranger-{n}")));
    make(&rig, strangers.collect()).await;

    let made = rig.create(&id).await.unwrap();
    assert_eq!(rig.create(&id).await.unwrap(), made);
    let listed = rig.infra.list(&rig.cx).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].handle.service, made.handle.service);
}

#[tokio::test]
async fn what_bears_another_mark_is_not_ours() {
    let rig = Rig::shared().await;
    let project = rig.cloud.railway_project_id();
    for name in ["postgres", "ap-other-abcdefghijkl"] {
        let input = format!("{{projectId: \"{project}\", name: \"{name}\"}}");
        rig.ask(&format!(
            "mutation {{ serviceCreate(input: {input}) {{ id }} }}"
        ))
        .await;
    }
    assert_eq!(rig.infra.list(&rig.cx).await.unwrap(), []);
}

#[tokio::test]
async fn a_foreign_item_of_an_unknown_form_does_not_fail_the_list_and_one_of_ours_does() {
    for place in [Place::Shared, Place::Own] {
        let rig = Rig::start(place, RailwayOptions::default()).await;
        let handle = rig.created().await;
        let list = match place {
            Place::Shared => "environment",
            Place::Own => "projects",
        };
        for foreign in [
            json!(null),
            json!({ "node": null }),
            json!({ "node": { "id": 7, "serviceId": null, "createdAt": "soon", "kind": "NEW" } }),
        ] {
            rig.fault(list, Effect::ForeignItem(foreign.clone()));
            let listed = rig.infra.list(&rig.cx).await.unwrap();
            assert_eq!(listed.len(), 1, "{place:?} {foreign}");
            assert_eq!(listed[0].handle.service, handle.service);
        }
        let label = rig.cx.mark().label(&InstanceId::generate());
        let ours = json!({ "node": { "serviceName": label, "name": label, "createdAt": null } });
        rig.fault(list, Effect::ForeignItem(ours));
        let error = rig.infra.list(&rig.cx).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    }
}

#[tokio::test]
async fn pages_are_followed_to_the_end() {
    for (place, others) in [(Place::Shared, 0), (Place::Own, 1)] {
        let small = RailwayOptions {
            page_size: 2,
            ..RailwayOptions::default()
        };
        let rig = Rig::start(place, small).await;
        let mut made = BTreeSet::new();
        for _ in 0..5 {
            made.insert(rig.created().await.instance);
        }
        let before = rig.calls();
        let listed = rig.infra.list(&rig.cx).await.unwrap();
        let found: BTreeSet<_> = listed
            .iter()
            .map(|one| one.handle.instance.clone())
            .collect();
        assert_eq!((listed.len(), found), (5, made), "{place:?}");
        assert!(
            listed
                .iter()
                .all(|one| member(&one.handle, "volumeId").is_some()),
            "{place:?}"
        );
        // The workspace of the second also holds the fake's first project.
        assert_eq!(
            rig.calls() - before,
            (5_u64 + others).div_ceil(2),
            "{place:?}"
        );
    }
}

/// The lists of the newest request: services, volumes.
fn asked_last(rig: &Rig) -> (bool, bool) {
    let last = rig.cloud.exchanges().pop().unwrap().request.unwrap();
    let asked = |name: &str| last["variables"][name].as_bool().unwrap();
    (asked("services"), asked("volumes"))
}

#[tokio::test]
async fn the_longer_of_two_lists_is_followed_alone() {
    let small = RailwayOptions {
        page_size: 2,
        ..RailwayOptions::default()
    };
    let rig = Rig::start(Place::Shared, small).await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(rig.created().await.service);
    }
    let project = rig.cloud.railway_project_id();
    let labels = (0..3).map(|_| rig.cx.mark().label(&InstanceId::generate()));
    make(
        &rig,
        labels.map(|label| service(&project, &label)).collect(),
    )
    .await;
    let listed = rig.infra.list(&rig.cx).await.unwrap();
    let with_volume = listed
        .iter()
        .filter(|one| member(&one.handle, "volumeId").is_some());
    assert_eq!((listed.len(), with_volume.count()), (6, 3));
    assert_eq!(asked_last(&rig), (true, false));

    let gone = rig
        .held()
        .services
        .into_iter()
        .filter(|held| held.id != made[0].as_str());
    let gone = gone.map(|held| format!("serviceDelete(id: \"{}\")", held.id));
    make(&rig, gone.collect()).await;
    let listed = rig.infra.list(&rig.cx).await.unwrap();
    assert_eq!(
        listed.len(),
        3,
        "one that lives and the volumes of two that do not"
    );
    assert_eq!(asked_last(&rig), (false, true));
}

/// Creates many foreign resources at once, with one document per hundred.
async fn make(rig: &Rig, fields: Vec<String>) -> Vec<serde_json::Value> {
    let mut made = Vec::new();
    for hundred in fields.chunks(100) {
        let numbered = hundred.iter().enumerate();
        let aliased: String = numbered
            .map(|(n, field)| format!("m{n:02}: {field}\n"))
            .collect();
        let answer = rig.ask(&format!("mutation {{ {aliased} }}")).await;
        made.extend(answer.as_object().unwrap().values().cloned());
    }
    made
}

fn service(project: &str, label: &str) -> String {
    format!("serviceCreate(input: {{projectId: \"{project}\", name: \"{label}\"}}) {{ id }}")
}

#[tokio::test]
async fn a_thousand_instances_are_listed_in_two_calls() {
    let rig = Rig::shared().await;
    let project = rig.cloud.railway_project_id();
    let labels = (0..1_000).map(|_| rig.cx.mark().label(&InstanceId::generate()));
    make(
        &rig,
        labels.map(|label| service(&project, &label)).collect(),
    )
    .await;
    let before = rig.calls();
    assert_eq!(rig.infra.list(&rig.cx).await.unwrap().len(), 1_000);
    assert_eq!(rig.calls() - before, 2);
}

#[tokio::test]
async fn a_thousand_projects_are_listed_in_twenty_one_calls() {
    let rig = Rig::own().await;
    let workspace = rig.cloud.railway_workspace_id();
    let labels: Vec<_> = (0..1_000)
        .map(|_| rig.cx.mark().label(&InstanceId::generate()))
        .collect();
    let project = |label: &String| {
        let input = format!("{{workspaceId: \"{workspace}\", name: \"{label}\"}}");
        format!("projectCreate(input: {input}) {{ id }}")
    };
    let projects = make(&rig, labels.iter().map(project).collect()).await;
    let ids = projects.iter().map(|made| made["id"].as_str().unwrap());
    make(
        &rig,
        ids.zip(&labels)
            .map(|(id, label)| service(id, label))
            .collect(),
    )
    .await;
    let before = rig.calls();
    let listed = rig.infra.list(&rig.cx).await.unwrap();
    assert_eq!(listed.len(), 1_000);
    assert!(
        listed
            .iter()
            .all(|one| member(&one.handle, "projectId") != Some(one.handle.service.as_str()))
    );
    // 1001 projects, the fake's first one among them.
    assert_eq!(rig.calls() - before, 21);
}
