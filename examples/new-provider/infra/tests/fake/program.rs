//! The program of a machine when the fake is run manually: a process on its own port.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// A command on a port, and its process once it was started. The process ends on drop.
#[derive(Debug)]
pub(crate) struct Program {
    command: Vec<String>,
    port: u16,
    child: Option<Child>,
}

impl Program {
    /// `None` without a command: then a machine is only a record.
    pub(crate) fn new(command: &[String]) -> Option<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).ok()?;
        let port = listener.local_addr().ok()?.port();
        (!command.is_empty()).then(|| Self {
            command: command.to_vec(),
            port,
            child: None,
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts it again with these variables. All machines share this host, so each has another port and folder.
    pub(crate) fn start(&mut self, variables: &BTreeMap<String, String>) {
        self.stop();
        let folder = std::env::temp_dir().join(format!("acme-machine-{}", self.port));
        self.child = Command::new(&self.command[0])
            .args(&self.command[1..])
            .envs(variables)
            .env("HOST", "127.0.0.1")
            .env("PORT", self.port.to_string())
            .env("INSTANCE_DATA_DIR", folder)
            .stdout(Stdio::null())
            .spawn()
            .ok();
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.stop();
        let folder = std::env::temp_dir().join(format!("acme-machine-{}", self.port));
        std::fs::remove_dir_all(folder).ok();
    }
}
