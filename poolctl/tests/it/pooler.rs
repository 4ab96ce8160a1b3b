//! A real PgBouncer in front of a database.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};

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
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let file = folder.path().join("pgbouncer.ini");
        fs::write(&file, settings(database, mode, port)).unwrap();
        let mut command = Command::new("pgbouncer");
        if nix::unistd::geteuid().is_root() {
            command.args(["-u", "postgres"]);
        }
        let child = command.arg("-q").arg(&file).stderr(Stdio::null()).spawn();
        let child = child.expect("PgBouncer is installed: apt install pgbouncer");
        let mut url = url::Url::parse(database).unwrap();
        url.set_port(Some(port)).unwrap();
        let url = url.to_string();
        eventually(|| query(&url, "SELECT 1"));
        Self {
            child,
            url,
            _folder: folder,
        }
    }
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
