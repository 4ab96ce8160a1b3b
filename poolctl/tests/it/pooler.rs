//! A real PgBouncer in front of a database.

use std::fs::{self, File, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command};

use tempfile::TempDir;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::stack::{eventually, query};

pub(crate) struct PgBouncer {
    child: Child,
    /// The address of the database through it.
    pub(crate) url: String,
    _folder: TempDir,
}

impl PgBouncer {
    /// Starts one in this mode. `.ci/run` installs the program.
    pub(crate) fn start(database: &str, mode: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // As root it runs as another user, which reads its file.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let file = folder.path().join("pgbouncer.ini");
        let mut url = url::Url::parse(database).unwrap();
        loop {
            let port = free_port();
            fs::write(&file, settings(database, mode, port)).unwrap();
            url.set_port(Some(port)).unwrap();
            if let Some(child) = start(&file, url.as_str()) {
                return Self {
                    child,
                    url: url.to_string(),
                    _folder: folder,
                };
            }
        }
    }
}

fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().port()
}

/// Starts one that answers; `None` if it ends because another program got its port meanwhile.
fn start(file: &Path, url: &str) -> Option<Child> {
    let mut command = Command::new("pgbouncer");
    if nix::unistd::geteuid().is_root() {
        command.args(["-u", "postgres"]);
    }
    let log = file.with_extension("log");
    let stderr = File::create(&log).unwrap();
    let child = command.arg(file).stderr(stderr).spawn();
    let mut child = child.expect("PgBouncer is installed: apt install pgbouncer");
    let answers = eventually(|| match child.try_wait().unwrap() {
        Some(_) => Ok(false),
        None => query(url, "SELECT 1").map(|()| true),
    });
    if answers {
        return Some(child);
    }
    let said = fs::read_to_string(&log).unwrap();
    assert!(said.contains("in use"), "PgBouncer has ended: {said}");
    None
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn settings(database: &str, mode: &str, port: u16) -> String {
    let database: Config = database.parse().unwrap();
    let Host::Tcp(host) = &database.get_hosts()[0] else {
        panic!("a host and a port");
    };
    let password = String::from_utf8(database.get_password().unwrap().to_vec()).unwrap();
    let (user, server) = (database.get_user().unwrap(), database.get_ports()[0]);
    format!(
        "[databases]\n\
         * = host={host} port={server} user={user} password={password}\n\
         [pgbouncer]\n\
         listen_addr = 127.0.0.1\n\
         listen_port = {port}\n\
         unix_socket_dir =\n\
         auth_type = any\n\
         pool_mode = {mode}\n\
         ignore_startup_parameters = extra_float_digits\n"
    )
}
