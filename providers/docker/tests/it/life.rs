//! Tests of the life of an instance that the conformance suite does not cover.

use std::time::Duration;

use agent_pool_core::{DeployStatus, ErrorKind, Redeploy};
use tokio::time::{Instant, sleep};

use crate::podman::{GREEDY_IMAGE, OTHER_IMAGE};
use crate::support::World;

#[tokio::test]
async fn data_survives_a_redeploy_and_ends_with_the_instance() {
    let Some(world) = World::new(&[]).await else {
        return;
    };
    let created = world.running(&[("A", "1")]).await;
    world.inside(&created, "echo kept > /data/note");
    world.redeploy(&created).await;
    world.healthy(&created).await;
    assert_eq!(world.inside(&created, "cat /data/note; echo $A"), "kept\n1");
    world.destroy(&created).await;
    assert_eq!(world.podman.held(), []);
}

#[tokio::test]
async fn values_arrive_literally() {
    let Some(world) = World::new(&[]).await else {
        return;
    };
    let values = [
        ("V0", "$HOME"),
        ("V1", "${{shared.X}}"),
        ("V2", "$(id)"),
        ("V3", "it's \"so\""),
        ("V4", "a\nb"),
        ("V5", "🌷"),
        ("V6", ""),
    ];
    let created = world.running(&values).await;
    for (name, value) in values {
        let got = world.inside(&created, &format!("printf '%s' \"${name}\""));
        assert_eq!(got, value.trim(), "{name}");
    }
}

#[tokio::test]
async fn another_image_runs_and_stays() {
    let Some(world) = World::new(&[]).await else {
        return;
    };
    let created = world.running(&[("A", "1")]).await;
    world
        .docker
        .update_image(&world.cx, &created.handle, OTHER_IMAGE)
        .await
        .unwrap();
    world.redeploy(&created).await;
    world.healthy(&created).await;
    assert_eq!(world.inside(&created, "echo $A"), "1");
    let image = world.podman.run(&[
        "inspect",
        "--format",
        "{{.Config.Image}}",
        &world.container(&created),
    ]);
    assert_eq!(image, OTHER_IMAGE);
}

#[tokio::test]
async fn what_it_writes_is_in_its_logs() {
    let Some(world) = World::new(&[]).await else {
        return;
    };
    let created = world.running(&[]).await;
    // Another process of the engine writes the log, and may be later than the answer of the health check.
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let lines = world.docker.logs(&world.cx, &created.handle, 10);
        let lines = lines.await.unwrap();
        if lines
            .iter()
            .any(|line| line.text == "started" && line.at.is_some())
        {
            return;
        }
        assert!(Instant::now() < deadline, "{lines:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the instance is dead, and returns the reason.
async fn died(world: &World) -> String {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        // While the container ends, its state is a transient error.
        let listed = world.docker.list(&world.cx).await;
        match &listed {
            Ok(all) if all[0].status == Some(DeployStatus::Crashed) => {
                return all[0].detail.clone().unwrap();
            }
            Ok(_) => {}
            Err(error) => assert!(error.is_transient(), "{error}"),
        }
        assert!(Instant::now() < deadline, "{listed:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn what_ended_by_itself_is_dead_and_says_why() {
    let Some(world) = World::new(&[("DOCKER_RESTART_MAX", "0")]).await else {
        return;
    };
    let created = world.running(&[]).await;
    world.podman.run(&["kill", &world.container(&created)]);
    let why = died(&world).await;
    assert!(why.ends_with("exit code 137 (signal 9)"), "{why}");
}

#[tokio::test]
async fn what_its_memory_limit_ended_says_so() {
    let Some(world) = World::new(&[
        ("DOCKER_RESTART_MAX", "0"),
        ("DOCKER_MEMORY_MIB", "16"),
        ("DOCKER_IMAGE", GREEDY_IMAGE),
    ])
    .await
    else {
        return;
    };
    let created = world.create().await;
    world.configure(&created, &[], Redeploy::Yes).await.unwrap();
    let why = died(&world).await;
    assert!(
        why.contains("out of memory") && why.contains("limit of 16 MiB"),
        "{why}"
    );
}

#[tokio::test]
async fn what_has_no_container_any_more_is_listed_and_can_be_destroyed() {
    let Some(world) = World::new(&[]).await else {
        return;
    };
    let created = world.create().await;
    let name = created.handle.service.as_str();
    world.podman.run(&["rm", &format!("{name}.1")]);
    let listed = world.docker.list(&world.cx).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].status, Some(DeployStatus::Removed));
    assert_eq!(listed[0].handle.service, created.handle.service);
    world
        .docker
        .destroy(&world.cx, &listed[0].handle)
        .await
        .unwrap();
    assert_eq!(world.podman.held(), []);
}

#[tokio::test]
async fn a_crash_between_the_steps_of_a_deployment_loses_no_variable() {
    let Some(world) = World::new(&[]).await else {
        return;
    };
    let created = world.running(&[("A", "1")]).await;
    // The state after a crash between creating the new generation and starting it, with the old one removed.
    world
        .configure(&created, &[("B", "2")], Redeploy::No)
        .await
        .unwrap();
    world
        .podman
        .run(&["rm", "--force", "--time", "0", &world.container(&created)]);
    world.redeploy(&created).await;
    world.healthy(&created).await;
    assert_eq!(world.inside(&created, "echo $A $B"), "1 2");
}

#[tokio::test]
async fn the_list_has_the_digest_that_the_name_of_the_image_stands_for() {
    let Some(world) = World::new(&[]).await else {
        return;
    };
    let created = world.running(&[]).await;
    let image = created.handle.image.as_deref().unwrap();
    let digest = world.docker.resolve_image(&world.cx, image).await.unwrap();
    assert!(
        digest.as_ref().unwrap().starts_with("sha256:"),
        "{digest:?}"
    );
    let listed = world.docker.list(&world.cx).await.unwrap();
    assert_eq!(listed[0].image_digest, digest);
    let absent = world.docker.resolve_image(&world.cx, "nosuch:1").await;
    assert_eq!(absent.unwrap_err().kind(), ErrorKind::Invalid);
}
