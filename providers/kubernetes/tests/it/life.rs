//! Tests of the life of an instance that the conformance suite does not cover.

use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::{CreatedInfra, DeployStatus, ErrorKind, Redeploy};
use fake_cloud::BuiltinRuntime;
use fake_cloud::kubernetes::{ClusterOptions, Fate};
use tokio::time::{Instant, sleep};

use crate::support::{IMAGE, Lab, World};

#[tokio::test]
async fn one_deletion_takes_everything_and_waits_until_it_is_gone() {
    let world = Lab::world(&[]).await;
    let created = world.deployed(&[("A", "1")]).await;
    let kinds = world.lab.cluster.held().len();
    assert_eq!(
        kinds, 6,
        "StatefulSet, Pod, Secret, volume claim, Service, NetworkPolicy"
    );
    world.destroy(&created).await.unwrap();
    assert_eq!(world.lab.cluster.held(), []);
}

#[tokio::test]
async fn what_was_made_with_a_revoked_token_is_found_and_deleted_with_the_next_one() {
    let mut world = Lab::world(&[]).await;
    let created = world.deployed(&[("A", "1")]).await;
    world.lab.cluster.rotate_token("another-token");
    let refused = world.infra.list(&world.cx).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthorized);
    world.infra = world.lab.build(&[("TOKEN", "another-token")]).unwrap();
    let listed = world.listed(&created).await.unwrap();
    assert_eq!(listed.handle, created.handle);
    world.redeploy(&created).await.unwrap();
    world.destroy(&created).await.unwrap();
    assert_eq!(world.lab.cluster.held(), []);
}

#[tokio::test]
async fn a_deletion_that_a_finalizer_holds_is_reported_and_ends_later() {
    let world = Lab::world(&[]).await;
    let created = world.deployed(&[]).await;
    let name = created.handle.service.as_str();
    let hold = |value: &mut serde_json::Value| {
        value["metadata"]["finalizers"] = serde_json::json!(["example.com/hold"]);
    };
    world.lab.cluster.change("statefulsets", name, hold);
    // Long enough for its calls on a busy machine: it waits for the rest of the time.
    let cx = world.cx.within(Duration::from_secs(3));
    let error = world.infra.destroy(&cx, &created.handle).await.unwrap_err();
    assert!(
        error.is_transient() && error.to_string().contains("still being deleted"),
        "{error}"
    );
    assert!(
        world.listed(&created).await.is_none(),
        "what is being deleted is not listed"
    );
    let error = world.redeploy(&created).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    world.lab.cluster.change("statefulsets", name, |value| {
        value["metadata"]["finalizers"] = serde_json::json!([]);
    });
    world.destroy(&created).await.unwrap();
    assert_eq!(world.lab.cluster.held(), []);
}

#[tokio::test]
async fn a_destroy_is_done_only_when_the_volume_is_gone() {
    let world = Lab::world(&[]).await;
    let created = world.deployed(&[]).await;
    let name = created.handle.service.as_str();
    let claims = "persistentvolumeclaims";
    world.lab.cluster.change(claims, name, |value| {
        value["metadata"]["finalizers"] = serde_json::json!(["example.com/storage"]);
    });
    let cx = world.cx.within(Duration::from_secs(1));
    let error = world.infra.destroy(&cx, &created.handle).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    world.lab.cluster.change(claims, name, |value| {
        value["metadata"]["finalizers"] = serde_json::json!([]);
    });
    world.destroy(&created).await.unwrap();
    assert_eq!(world.lab.cluster.held(), []);
}

#[tokio::test]
async fn a_redeploy_keeps_the_volume_and_the_variables() {
    let world = Lab::world(&[]).await;
    let created = world.deployed(&[("A", "1")]).await;
    let claim = world.object("persistentvolumeclaims", &created)["metadata"]["uid"].clone();
    world.redeploy(&created).await.unwrap();
    world.lab.cluster.settle();
    assert_eq!(
        world.object("persistentvolumeclaims", &created)["metadata"]["uid"],
        claim
    );
    let runs = world.runs(&created);
    assert_eq!((runs.len(), runs[1].variables["A"].as_str()), (2, "1"));
    assert_eq!(
        world.listed(&created).await.unwrap().status,
        Some(DeployStatus::Success)
    );
}

#[tokio::test]
async fn a_new_image_stays_over_a_redeploy() {
    let world = Lab::world(&[]).await;
    let created = world.deployed(&[]).await;
    world
        .update_image(&created, "registry.example/agent:2")
        .await;
    world.redeploy(&created).await.unwrap();
    world.lab.cluster.settle();
    assert_eq!(
        world.runs(&created).last().unwrap().image,
        "registry.example/agent:2"
    );
    let listed = world.listed(&created).await.unwrap();
    assert_eq!(
        listed.handle.image.as_deref(),
        Some("registry.example/agent:2")
    );
}

#[tokio::test]
async fn an_image_that_never_ran_is_replaced() {
    let world = Lab::world(&[]).await;
    world.lab.cluster.set_fate(IMAGE, Fate::NoImage);
    let created = world.deployed(&[]).await;
    assert_eq!(world.runs(&created), []);
    world
        .update_image(&created, "registry.example/agent:2")
        .await;
    world.lab.cluster.settle();
    assert_eq!(world.runs(&created).len(), 1);
}

#[tokio::test]
async fn a_crash_loop_is_dead_and_its_reason_is_in_the_logs() {
    let world = Lab::world(&[]).await;
    world
        .lab
        .cluster
        .set_fate(IMAGE, Fate::Crashes(137, "OOMKilled"));
    let created = world.deployed(&[]).await;
    assert_eq!(
        world.listed(&created).await.unwrap().status,
        Some(DeployStatus::Crashed)
    );
    let lines = world.lines(&created).await;
    assert_eq!(lines[0], "started");
    let last = lines.last().unwrap();
    assert!(
        last.contains("memory limit") && last.contains("137"),
        "{last}"
    );
}

#[tokio::test]
async fn one_restart_is_survived_and_said() {
    let world = Lab::world(&[]).await;
    let created = world.deployed(&[]).await;
    let pod = format!("{}-0", created.handle.service.as_str());
    world.lab.cluster.kill(&pod, 137, "OOMKilled");
    world.lab.cluster.settle();
    assert_eq!(
        world.listed(&created).await.unwrap().status,
        Some(DeployStatus::Success)
    );
    let lines = world.lines(&created).await;
    assert!(lines.last().unwrap().contains("memory limit"), "{lines:?}");
}

#[tokio::test]
async fn what_keeps_a_pod_from_running_is_said() {
    for (fate, status, words) in [
        (
            Fate::NoImage,
            "IMAGE_PULL_BACK_OFF",
            "Back-off pulling image",
        ),
        (Fate::NoNode, "UNSCHEDULABLE", "Insufficient memory"),
    ] {
        let world = Lab::world(&[]).await;
        world.lab.cluster.set_fate(IMAGE, fate);
        let created = world.deployed(&[]).await;
        let listed = world.listed(&created).await.unwrap();
        assert_eq!(listed.status, Some(DeployStatus::Other(status.to_owned())));
        let lines = world.lines(&created).await;
        assert!(lines.last().unwrap().contains(words), "{lines:?}");
    }
}

#[tokio::test]
async fn the_last_lines_of_the_output_are_read_with_their_times() {
    let world = Lab::world(&[]).await;
    let created = world.deployed(&[]).await;
    let pod = format!("{}-0", created.handle.service.as_str());
    for line in ["one", "two"] {
        world.lab.cluster.write_log(&pod, line);
    }
    let lines = world
        .infra
        .logs(&world.cx, &created.handle, 2)
        .await
        .unwrap();
    let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(texts, ["one", "two"]);
    assert!(lines[0].at.is_some());
}

#[tokio::test]
async fn a_repeated_create_does_not_stop_what_runs() {
    let world = Lab::world(&[]).await;
    let created = world.deployed(&[("A", "1")]).await;
    let spec = crate::support::spec();
    let again = world
        .infra
        .create(&world.cx, &created.handle.instance, &spec)
        .await
        .unwrap();
    world.lab.cluster.settle();
    assert_eq!(again, created);
    assert_eq!(
        world.listed(&created).await.unwrap().status,
        Some(DeployStatus::Success)
    );
    assert_eq!(world.runs(&created).len(), 1);
    world.configure(&created, &[], Redeploy::Yes).await;
    assert_eq!(world.runs(&created)[1].variables["A"], "1");
}

#[tokio::test]
async fn settings_reach_an_instance_with_its_next_deployment() {
    let world = Lab::world(&[]).await;
    let created = world.deployed(&[]).await;
    let other = world
        .lab
        .build(&[("MEMORY_MIB", "768"), ("ALLOW_FROM", "namespace:pool")])
        .unwrap();
    other.redeploy(&world.cx, &created.handle).await.unwrap();
    let set = world.object("statefulsets", &created);
    let limits = &set["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"];
    assert_eq!(limits["memory"], "768Mi");
    let policy =
        world.object("networkpolicies", &created)["spec"]["ingress"][0]["from"][0].to_string();
    assert!(policy.contains("\"pool\""), "{policy}");
}

/// Waits until the server of an instance's pod answers this key, and says whether it is ready.
async fn answers(world: &World, created: &CreatedInfra, key: &str) {
    let pod = format!("{}-0", created.handle.service.as_str());
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(address) = world.lab.cluster.address(&pod) {
            let request = world.cx.http().get(format!("http://{address}/pool/health"));
            let answer = request.bearer_auth(key).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
        }
        assert!(
            Instant::now() < deadline,
            "{pod} does not answer the key {key}"
        );
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_runs_answers_with_the_variables_of_its_last_deployment() {
    let options = ClusterOptions {
        launcher: Some(Arc::new(BuiltinRuntime)),
        ..ClusterOptions::default()
    };
    let world = Lab::start(options).await.into_world(&[]);
    let created = world.deployed(&[("POOL_API_KEY", "first-key-of-it")]).await;
    answers(&world, &created, "first-key-of-it").await;
    let next = [("POOL_API_KEY", "second-key-of-it")];
    world.configure(&created, &next, Redeploy::No).await;
    answers(&world, &created, "first-key-of-it").await;
    world.redeploy(&created).await.unwrap();
    answers(&world, &created, "second-key-of-it").await;
    world.destroy(&created).await.unwrap();
    let pod = format!("{}-0", created.handle.service.as_str());
    let deadline = Instant::now() + Duration::from_secs(30);
    while world.lab.cluster.address(&pod).is_some() {
        assert!(Instant::now() < deadline, "{pod} still runs");
        sleep(Duration::from_millis(20)).await;
    }
}
