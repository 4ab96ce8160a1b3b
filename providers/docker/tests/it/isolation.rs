//! Tests of the isolation of instances.

use crate::support::World;

#[tokio::test]
async fn an_instance_has_no_privileges_and_reaches_no_other() {
    let Some(world) = World::new(&[]).await else {
        return;
    };
    let (one, other) = (world.running(&[]).await, world.running(&[]).await);
    assert!(
        world
            .inside(&one, "cat /proc/self/status")
            .contains("NoNewPrivs:\t1")
    );
    assert!(
        world
            .inside(&one, "cat /proc/1/status")
            .contains("CapEff:\t0000000000000000")
    );
    assert_eq!(
        world.inside(&one, "mkdir /etc 2>/dev/null || echo refused"),
        "refused"
    );
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    let address = world
        .podman
        .run(&["inspect", "--format", format, &world.container(&other)]);
    let fetch = format!("wget -T 2 -q -O - http://{address}:8080/pool/health || echo unreachable");
    assert_eq!(world.inside(&one, &fetch), "unreachable");
    assert_ne!(one.url, other.url);
}

#[tokio::test]
async fn limits_are_set() {
    let Some(world) = World::new(&[("DOCKER_MEMORY_MIB", "64"), ("DOCKER_PIDS_LIMIT", "50")]).await
    else {
        return;
    };
    let created = world.running(&[]).await;
    let format = "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.ReadonlyRootfs}}";
    let limits = world
        .podman
        .run(&["inspect", "--format", format, &world.container(&created)]);
    assert_eq!(limits, format!("{} 50 true", 64 * 1024 * 1024));
}
