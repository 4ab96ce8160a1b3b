//! Tests of a faulty environment: each error says what to do.

use std::net::TcpListener;

use agent_pool_core::settings::Environment;
use agent_pool_core::{ErrorKind, InstanceId, Redeploy};
use provider_docker::Docker;
use tokio::io::AsyncWriteExt as _;

use crate::support::{World, build, context, spec};

#[tokio::test]
async fn without_an_engine_the_setting_is_named() {
    let pairs = [
        ("DOCKER_HOST", "unix:///nowhere/engine.sock"),
        ("DOCKER_IMAGE", "agent:1"),
    ];
    let docker = Docker::build(&Environment::from_iter(pairs)).unwrap();
    let error = docker.list(&context()).await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Unavailable,
        "so that nothing counts as gone"
    );
    assert!(error.to_string().contains("DOCKER_HOST"), "{error}");
}

#[tokio::test]
async fn a_socket_of_something_else_names_the_setting() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let socket = folder.path().join("other.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let other = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"220 mail.example ESMTP\r\n").await.ok();
        }
    });
    for path in [file, socket] {
        let host = format!("unix://{}", path.display());
        let pairs = [("DOCKER_HOST", host.as_str()), ("DOCKER_IMAGE", "agent:1")];
        let docker = Docker::build(&Environment::from_iter(pairs)).unwrap();
        let message = docker.list(&context()).await.unwrap_err().to_string();
        assert!(
            message.contains("DOCKER_HOST") && message.contains(&host),
            "{message}"
        );
    }
    other.abort();
}

#[tokio::test]
async fn a_missing_image_is_named() {
    let Some(world) = World::new(&[("DOCKER_IMAGE", "localhost/absent:1")]).await else {
        return;
    };
    let error = world
        .docker
        .create(&world.cx, &InstanceId::generate(), &spec())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("localhost/absent:1"), "{error}");
}

#[tokio::test]
async fn a_volume_of_somebody_else_is_left_alone() {
    let Some(world) = World::new(&[]).await else {
        return;
    };
    let id = InstanceId::generate();
    let name = world.cx.mark().label(&id);
    world.podman.run(&["volume", "create", &name]);
    let error = world
        .docker
        .create(&world.cx, &id, &spec())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains(&name), "{error}");
    assert!(
        world
            .podman
            .lines(&["volume", "ls", "--format", "{{.Name}}"])
            .contains(&name)
    );
}

#[tokio::test]
async fn a_taken_port_says_which_settings_to_change() {
    let Some(world) = World::new(&[]).await else {
        return;
    };
    let created = world.create().await;
    let address = created.url.socket_addrs(|| None).unwrap()[0];
    let _holder = TcpListener::bind(address).unwrap();
    let error = world
        .configure(&created, &[], Redeploy::Yes)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("DOCKER_PORT_FIRST"), "{error}");
}

#[tokio::test]
async fn no_port_left_says_which_range_to_widen() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    let Some(world) = World::new(&[]).await else {
        return;
    };
    let docker = build(
        &world.podman,
        &[("DOCKER_PORT_FIRST", &port), ("DOCKER_PORT_LAST", &port)],
    );
    let error = docker
        .create(&world.cx, &InstanceId::generate(), &spec())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("DOCKER_PORT_LAST"), "{error}");
}
