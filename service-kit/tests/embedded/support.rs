//! Helpers for the tests of a cluster.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent_pool_core::settings::Environment;
use agent_pool_service_kit::db::embedded::{Data, Embedded, Options};
use agent_pool_service_kit::db::{DatabaseUrl, Db};
use diesel::sql_types::Text;
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use nix::unistd::Pid;

pub(crate) const SOON: Duration = Duration::from_secs(20);

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

pub(crate) async fn ask(url: &DatabaseUrl, query: &str) -> String {
    let mut conn = Db::connect(url, 1).conn().await.unwrap();
    let Word { word } = sql_query(query).get_result(&mut conn).await.unwrap();
    word
}

pub(crate) fn keep(folder: &Path) -> Options {
    Options::new(Data::Keep(folder.to_owned()), &Environment::default())
}

pub(crate) fn temporary() -> Options {
    Options::new(Data::Temporary, &Environment::default())
}

pub(crate) async fn data_of(cluster: &Embedded) -> PathBuf {
    let url = cluster.database("any").await.unwrap();
    ask(&url, "SELECT current_setting('data_directory') AS word")
        .await
        .into()
}

/// The server's process, from its pid file.
pub(crate) fn postmaster(data: &Path) -> Pid {
    let text = fs::read_to_string(data.join("postmaster.pid")).unwrap();
    Pid::from_raw(text.lines().next().unwrap().parse().unwrap())
}

/// The shell that watches over the server: it has the cluster's folder among its arguments.
pub(crate) fn watchdog(data: &Path) -> Pid {
    let needle = data.parent().unwrap().to_str().unwrap().as_bytes();
    let mine = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.starts_with(b"/bin/sh") && line.windows(needle.len()).any(|part| part == needle)
    };
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Pid::from_raw(pids.find(mine).unwrap())
}

/// An ended process that nobody has waited for yet counts as gone.
pub(crate) fn is_gone(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_none_or(|rest| rest.is_empty() || rest.starts_with(" Z"))
}
