use std::process::Stdio;

use agent_pool_service_kit::testing::eventually;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::fake::{Fault, KEY, Op};
use crate::world::{SOON, World};

pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pool-svc"));
    command.env_clear().kill_on_drop(true).stdin(Stdio::null());
    command
}

/// Another replica in a separate process, and its URL.
pub(crate) async fn start(world: &World, settings: &[(&str, &str)]) -> (Child, String) {
    let mut child = binary()
        .envs([("PORT", "0"), ("POOL_API_KEY", KEY), ("POOL_MIN_IDLE", "0")])
        .envs(settings.iter().copied())
        .env(
            "POOL_DATABASE_URL",
            world.database.url().as_secret().expose(),
        )
        .env("SERVICES_URL", &world.fake.url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let url = line.strip_prefix("listening on ").unwrap().to_owned();
    (child, url)
}

#[tokio::test]
async fn sigterm_lets_a_claim_in_flight_finish_and_exits_with_0() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    let (mut child, url) = start(&world, &[]).await;
    world.fake.fail(Op::Provision, Fault::Hang);
    let request = world
        .http
        .post(format!("{url}/api/pool/claim"))
        .bearer_auth(KEY);
    let claim = tokio::spawn(crate::world::answer(request));
    world.asked(Op::Provision, 1).await;
    let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    eventually("it accepts no more requests", SOON, async || {
        world
            .http
            .get(format!("{url}/healthz"))
            .send()
            .await
            .is_err()
    })
    .await;
    world.fake.resume();
    assert_eq!(claim.await.unwrap().status, 200);
    let ended = tokio::time::timeout(SOON, child.wait()).await;
    assert!(ended.unwrap().unwrap().success());
    assert_eq!(world.status(&id).await.as_deref(), Some("claimed"));
}

#[tokio::test]
async fn a_start_without_settings_names_every_fault() {
    let output = binary().output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    for variable in ["POOL_API_KEY", "POOL_DATABASE_URL", "SERVICES_URL"] {
        assert!(said.contains(variable), "{said}");
    }
}

#[tokio::test]
async fn help_and_version_are_printed() {
    let help = binary().arg("--help").output().await.unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("POOL_MIN_IDLE (default 3)"), "{help}");
    let version = binary().arg("--version").output().await.unwrap();
    assert_eq!(
        String::from_utf8(version.stdout).unwrap().trim(),
        "pool-svc 0.1.0"
    );
}
