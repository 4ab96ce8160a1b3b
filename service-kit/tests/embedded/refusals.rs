//! Tests of refused users, folders and data.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use agent_pool_core::settings::Environment;
use agent_pool_service_kit::db::Db;
use agent_pool_service_kit::db::embedded::{Data, Embedded, EmbeddedError, Options};
use nix::unistd::{getpgid, getpgrp};
use tempfile::TempDir;

use crate::support::{ask, data_of, keep, postmaster, temporary, watchdog};

#[tokio::test]
async fn other_users_of_the_machine_do_not_get_in() {
    let folder = TempDir::new().unwrap();
    let cluster = Embedded::start(keep(folder.path())).await.unwrap();
    let mode = |name: &str| {
        folder
            .path()
            .join(name)
            .metadata()
            .unwrap()
            .permissions()
            .mode()
    };
    assert_eq!((mode("") & 0o777, mode("password") & 0o777), (0o700, 0o600));
    let url = cluster.database("pool").await.unwrap();
    let password = fs::read_to_string(folder.path().join("password")).unwrap();
    let guess = url.as_secret().expose().replace(&password, "guess");
    let refused = Db::connect(&guess.try_into().unwrap(), 1).conn().await;
    assert!(refused.is_err(), "a wrong password was accepted");
    assert!(!format!("{cluster:?} {url:?}").contains(&password));
    let sockets = "SELECT current_setting('unix_socket_directories') AS word";
    assert_eq!(ask(&url, sockets).await, "");
}

#[tokio::test]
async fn the_server_is_not_root_and_not_in_our_process_group() {
    let cluster = Embedded::start(temporary()).await.unwrap();
    let data = data_of(&cluster).await;
    for process in [postmaster(&data), watchdog(&data)] {
        assert_ne!(fs::metadata(format!("/proc/{process}")).unwrap().uid(), 0);
        assert_ne!(
            getpgid(Some(process)).unwrap(),
            getpgrp(),
            "Ctrl-C would reach it"
        );
    }
}

#[tokio::test]
async fn a_folder_in_use_is_refused() {
    let folder = TempDir::new().unwrap();
    let _first = Embedded::start(keep(folder.path())).await.unwrap();
    tokio::time::pause();
    let error = Embedded::start(keep(folder.path())).await.unwrap_err();
    assert!(matches!(error, EmbeddedError::InUse(_)), "{error:?}");
}

#[tokio::test]
async fn data_of_another_version_is_refused() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(folder.path().join("data/PG_VERSION"), "9\n").unwrap();
    let error = Embedded::start(keep(folder.path())).await.unwrap_err();
    assert!(
        matches!(&error, EmbeddedError::OtherVersion { data, .. } if data == "9"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_folder_without_binaries_is_refused() {
    let folder = TempDir::new().unwrap();
    let environment = Environment::from_iter([("POSTGRES_BIN_DIR", "/nowhere")]);
    let options = Options::new(Data::Keep(folder.path().to_owned()), &environment);
    let error = Embedded::start(options).await.unwrap_err();
    assert!(matches!(error, EmbeddedError::NotInstalled), "{error:?}");
}

#[tokio::test]
async fn the_error_names_the_inaccessible_folder() {
    if !nix::unistd::Uid::effective().is_root() {
        return; // Without root, Postgres runs as the current user, which may enter the folder.
    }
    let closed = TempDir::new().unwrap();
    fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let error = Embedded::start(keep(&closed.path().join("data")))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains(closed.path().to_str().unwrap()),
        "{error}"
    );
}
