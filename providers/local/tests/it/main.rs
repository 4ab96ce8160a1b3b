//! Tests of instances as real processes of this machine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conformance;
mod machine;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use agent_pool_core::{DeployStatus, ErrorKind, InstanceId, Redeploy};
use machine::{Machine, is_alive, spec};

#[tokio::test]
async fn nothing_runs_until_it_is_configured_with_a_deployment() {
    let machine = Machine::new("");
    let created = machine.create().await;
    machine
        .configure(&created, [("A", "1")], Redeploy::No)
        .await;
    let listed = machine.list().await;
    assert_eq!((listed.len(), &listed[0].status), (1, &None));
    assert_eq!(listed[0].url.as_ref(), Some(&created.url));
    assert_eq!(listed[0].handle, created.handle);

    machine
        .configure(&created, [("B", "2")], Redeploy::Yes)
        .await;
    let answer = machine.answer(&created).await;
    assert!(
        answer.contains("A=1\n") && answer.contains("B=2\n"),
        "{answer}"
    );
    assert_eq!(machine.status().await, Some(DeployStatus::Success));
}

#[tokio::test]
async fn an_instance_has_its_own_variables_and_none_of_ours() {
    let machine = Machine::new("");
    let created = machine.start().await;
    let answer = machine.answer(&created).await;
    let id = &created.handle.instance;
    let port = created.url.port().unwrap();
    for entry in [
        format!("INSTANCE_ID={id}"),
        format!("PORT={port}"),
        "PATH=/bin".to_owned(),
    ] {
        assert!(answer.contains(&format!("{entry}\n")), "{answer}");
    }
    let data = answer
        .lines()
        .find_map(|line| line.strip_prefix("INSTANCE_DATA_DIR="));
    assert!(fs::metadata(data.unwrap()).unwrap().is_dir());
    assert!(
        !answer.contains("LOCAL_") && !answer.contains("CARGO"),
        "{answer}"
    );
}

#[tokio::test]
async fn creating_again_answers_the_same_and_concurrent_ones_never_share_a_port() {
    let machine = Machine::new("");
    let ids: Vec<_> = (0..12).map(|_| InstanceId::generate()).collect();
    let mut ports = Vec::new();
    for round in 0..2 {
        let mut tasks = tokio::task::JoinSet::new();
        for id in ids.clone() {
            let (infra, cx) = (machine.infra.clone(), machine.cx.clone());
            tasks.spawn(async move { infra.create(&cx, &id, &spec()).await.unwrap().url.port() });
        }
        let mut got = tasks.join_all().await;
        got.sort_unstable();
        got.dedup();
        assert_eq!(got.len(), ids.len(), "round {round}");
        ports.push(got);
    }
    assert_eq!(ports[0], ports[1]);
}

#[tokio::test]
async fn redeploying_restarts_with_the_new_variables_on_the_same_port() {
    let machine = Machine::new("");
    let created = machine.start().await;
    let before = machine.pids(&created).await;
    machine
        .configure(&created, [("A", "new")], Redeploy::No)
        .await;
    assert!(!machine.answer(&created).await.contains("A=new\n"));
    machine
        .infra
        .redeploy(&machine.cx, &created.handle)
        .await
        .unwrap();
    assert!(machine.answer(&created).await.contains("A=new\n"));
    assert!(machine.answer(&created).await.contains("KEY=hunter2\n"));
    assert!(!is_alive(before[0]));
}

#[tokio::test]
async fn a_new_provider_finds_the_processes_of_the_old_one() {
    let mut machine = Machine::new("");
    let created = machine.start().await;
    let pids = machine.pids(&created).await;
    machine.restart_provider();
    assert_eq!(machine.status().await, Some(DeployStatus::Success));
    assert_eq!(machine.pids(&created).await, pids);
    assert_eq!(machine.create_as(&created.handle.instance).await, created);
    machine.destroy(&created).await;
    assert!(!is_alive(pids[0]));
}

#[tokio::test]
async fn destroying_ends_children_and_those_that_left_the_group_and_removes_the_folder() {
    for arguments in ["family", "family stubborn"] {
        let machine = Machine::new(arguments);
        let created = machine.start().await;
        let pids = machine.pids(&created).await;
        assert_eq!(pids.len(), 3);
        machine.destroy(&created).await;
        for pid in pids {
            assert!(!is_alive(pid), "{arguments}: {pid}");
        }
        assert_eq!(machine.list().await, []);
        assert!(!machine.folder(&created).exists());
    }
}

#[tokio::test]
async fn destroying_what_is_gone_or_was_never_there_succeeds() {
    let machine = Machine::new("");
    let created = machine.start().await;
    machine.destroy(&created).await;
    machine.destroy(&created).await;
    let mut handle = created.handle;
    handle.instance = InstanceId::generate();
    machine.infra.destroy(&machine.cx, &handle).await.unwrap();
    let error = machine
        .infra
        .redeploy(&machine.cx, &handle)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_recycled_pid_is_neither_taken_for_ours_nor_killed() {
    let machine = Machine::new("");
    let created = machine.start().await;
    let ours = machine.pids(&created).await[0];
    let stranger = Machine::new("");
    let other = stranger.start().await;
    // The table counts in hundredths of a second. A pid is not used again that soon, so the stranger starts later.
    let started = machine.started(&created);
    while stranger.started(&other) == started {
        let redeploy = stranger.infra.redeploy(&stranger.cx, &other.handle);
        redeploy.await.unwrap();
    }
    let theirs = stranger.pids(&other).await[0];
    machine.edit_service(&created, |service| {
        service["deployment"]["started"]["pid"] = theirs.into();
    });
    assert_eq!(machine.status().await, Some(DeployStatus::Crashed));
    machine.destroy(&created).await;
    assert!(is_alive(theirs) && !is_alive(ours));
    stranger.destroy(&other).await;
}

#[tokio::test]
async fn a_process_that_was_started_and_never_written_down_is_ended_all_the_same() {
    let machine = Machine::new("");
    let created = machine.start().await;
    let pid = machine.pids(&created).await[0];
    machine.edit_service(&created, |service| {
        service["deployment"] = "starting".into();
    });
    assert_eq!(machine.status().await, Some(DeployStatus::Deploying));
    machine
        .infra
        .redeploy(&machine.cx, &created.handle)
        .await
        .unwrap();
    assert!(!is_alive(pid));
    assert_ne!(machine.pids(&created).await[0], pid);
}

#[tokio::test]
async fn an_instance_that_ends_has_crashed_and_leaves_no_zombie() {
    let machine = Machine::new("ends");
    machine.start().await;
    machine
        .until(async || machine.status().await == Some(DeployStatus::Crashed))
        .await;
    let detail = machine.list().await[0].detail.clone().unwrap();
    assert!(detail.contains("ended"), "{detail}");
    machine.until(async || machine::zombies() == 0).await;
}

#[tokio::test]
async fn a_command_that_is_not_there_is_named_and_has_failed() {
    let machine = Machine::running("/no/such/program --at all");
    let created = machine.create().await;
    let call = machine.infra.redeploy(&machine.cx, &created.handle);
    let error = call.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let text = error.to_string();
    assert!(
        text.contains("LOCAL_RUNTIME_COMMAND") && text.contains("/no/such/program"),
        "{text}"
    );
    assert_eq!(machine.status().await, Some(DeployStatus::Failed));
    let detail = machine.list().await[0].detail.clone().unwrap();
    assert!(detail.contains("LOCAL_RUNTIME_COMMAND"), "{detail}");
}

#[tokio::test]
async fn what_is_not_ours_is_not_listed_and_what_is_half_made_is() {
    let machine = Machine::new("");
    let created = machine.create().await;
    let environment = machine.folder(&created).parent().unwrap().to_owned();
    fs::create_dir(environment.join("not an instance")).unwrap();
    fs::write(environment.join("abcdefghijkl"), "a file").unwrap();
    let elsewhere = environment.with_file_name("ap-other");
    fs::create_dir_all(elsewhere.join("zzzzzzzzzzzz")).unwrap();
    assert_eq!(machine.list().await.len(), 1);

    fs::remove_file(machine.folder(&created).join("service.json")).unwrap();
    let listed = machine.list().await;
    assert_eq!((listed.len(), &listed[0].url), (1, &None));
    machine.destroy(&created).await;
    assert_eq!(machine.list().await, []);
}

#[tokio::test]
async fn secrets_are_for_us_alone() {
    let machine = Machine::new("");
    let created = machine.start().await;
    let folder = machine.folder(&created);
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.join("service.json")), 0o600);
    assert_eq!(mode(folder.join("output.log")), 0o600);
    assert_eq!(mode(folder.clone()), 0o700);
    assert!(!format!("{:?}", machine.infra).contains("hunter2"));
}

#[tokio::test]
async fn the_output_is_there_to_read() {
    let machine = Machine::new("");
    let created = machine.start().await;
    machine.answer(&created).await;
    let logs = machine.infra.logs(&machine.cx, &created.handle, 10);
    let texts: Vec<_> = logs
        .await
        .unwrap()
        .into_iter()
        .map(|line| line.text)
        .collect();
    assert_eq!(texts, [format!("hello from {}", created.handle.instance)]);
    assert!(machine.infra.capabilities().logs);
}

#[tokio::test]
async fn stopping_all_ends_every_process_and_keeps_what_brings_them_back() {
    let machine = Machine::new("family");
    let instances = [machine.start().await, machine.start().await];
    let mut pids = Vec::new();
    for created in &instances {
        pids.extend(machine.pids(created).await);
    }
    provider_local::stop_all(machine.root()).await.unwrap();
    assert!(pids.iter().all(|pid| !is_alive(*pid)));
    assert_eq!(machine.list().await.len(), 2);
    for created in &instances {
        let call = machine.infra.redeploy(&machine.cx, &created.handle);
        call.await.unwrap();
        assert!(machine.answer(created).await.contains("KEY=hunter2\n"));
        machine.destroy(created).await;
    }
    let nowhere = machine.root().join("nowhere");
    provider_local::stop_all(&nowhere).await.unwrap();
}

#[tokio::test]
async fn an_image_is_refused() {
    let machine = Machine::new("");
    let mut spec = spec();
    spec.image = Some("ghcr.io/acme/agent:1".to_owned());
    let id = InstanceId::generate();
    let error = machine
        .infra
        .create(&machine.cx, &id, &spec)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(machine.list().await, []);
}

#[tokio::test]
async fn our_variables_win_over_configured_ones() {
    let machine = Machine::new("");
    let created = machine.create().await;
    let port = created.url.port().unwrap();
    machine
        .configure(&created, [("PORT", "1")], Redeploy::Yes)
        .await;
    assert!(
        machine
            .answer(&created)
            .await
            .contains(&format!("PORT={port}\n"))
    );
}

#[tokio::test]
async fn an_instance_is_given_the_loopback_address_and_wins_nothing_by_asking_for_another() {
    let machine = Machine::new("");
    let created = machine.create().await;
    machine
        .configure(&created, [("HOST", "0.0.0.0")], Redeploy::Yes)
        .await;
    let answer = machine.answer(&created).await;
    assert!(answer.contains("HOST=127.0.0.1\n"), "{answer}");
}

#[tokio::test]
async fn an_instance_that_replaces_its_files_blocks_and_hides_no_other() {
    for file in ["service.json", "output.log"] {
        let machine = Machine::new("");
        let well = machine.start().await;
        let spoilt = machine.start().await;
        let path = machine.folder(&spoilt).join(file);
        fs::remove_file(&path).unwrap();
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let listed = machine.list().await;
        assert_eq!(listed.len(), 2, "{file}");
        let status = listed.iter().find(|one| one.handle == well.handle);
        assert_eq!(
            status.unwrap().status,
            Some(DeployStatus::Success),
            "{file}"
        );
        let logs = machine.infra.logs(&machine.cx, &spoilt.handle, 10).await;
        assert_eq!(logs.is_err(), file == "output.log");
        let pids = machine.pids(&spoilt).await;
        machine.destroy(&spoilt).await;
        assert!(!is_alive(pids[0]), "{file}");
        assert_eq!(machine.list().await.len(), 1, "{file}");
        machine.destroy(&well).await;
    }
}

#[tokio::test]
async fn a_fifo_in_place_of_the_output_is_replaced_at_the_next_deployment() {
    let machine = Machine::new("");
    let created = machine.start().await;
    machine.answer(&created).await;
    let path = machine.folder(&created).join("output.log");
    fs::remove_file(&path).unwrap();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let call = machine.infra.redeploy(&machine.cx, &created.handle);
    call.await.unwrap();
    machine.answer(&created).await;
    assert!(fs::metadata(&path).unwrap().is_file());
    machine.destroy(&created).await;
}
