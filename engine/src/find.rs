//! Selects the engine.

use std::path::Path;

use agent_pool_core::settings::Environment;
use anyhow::{Context as _, bail};
use bollard::{API_DEFAULT_VERSION, Docker};

use crate::podman::{Podman, missing_program};

/// Time limit of one call, in seconds; importing an image takes longest.
const CALL_LIMIT: u64 = 120;

/// A running container engine.
#[derive(Debug)]
pub struct Engine {
    host: String,
    pub(crate) client: Docker,
    private: Option<Podman>,
}

impl Engine {
    /// The engine of this machine, or a private one: see the crate's documentation for the order.
    ///
    /// # Errors
    /// `DOCKER_HOST` names an engine that does not answer, or there is none.
    pub async fn find(environment: &Environment) -> anyhow::Result<Self> {
        if let Some(host) = environment.get("DOCKER_HOST") {
            return Self::at(host).await.with_context(|| {
                format!(
                    "DOCKER_HOST names {host}: start that engine, correct the variable, or unset it"
                )
            });
        }
        let mut refused = Vec::new();
        for socket in well_known(environment).filter(|socket| Path::new(socket).exists()) {
            match Self::at(&format!("unix://{socket}")).await {
                Ok(engine) => return Ok(engine),
                Err(error) => refused.push(format!("{error:#}")),
            }
        }
        match missing_program() {
            None => Self::private().await,
            Some(missing) if refused.is_empty() => bail!(
                "there is no container engine: no socket of Docker or Podman, DOCKER_HOST is not set, and {missing} is not \
                 installed. Install one (Debian: apt install podman runc netavark aardvark-dns), or start without --containers"
            ),
            Some(missing) => bail!(
                "no container engine can be used: {}; and {missing}, for a private one, is not installed",
                refused.join("; ")
            ),
        }
    }

    /// A private Podman.
    ///
    /// # Errors
    /// It does not start.
    pub async fn private() -> anyhow::Result<Self> {
        let podman = Podman::start().await?;
        let host = podman.host();
        Ok(Self {
            private: Some(podman),
            ..Self::at(&host).await?
        })
    }

    /// The engine at an address in the form of `DOCKER_HOST`.
    async fn at(host: &str) -> anyhow::Result<Self> {
        let client = match host.strip_prefix("unix://") {
            Some(path) => Docker::connect_with_unix(path, CALL_LIMIT, API_DEFAULT_VERSION),
            None => Docker::connect_with_http(host, CALL_LIMIT, API_DEFAULT_VERSION),
        };
        let client = client.with_context(|| format!("no container engine answers at {host}"))?;
        let client = client.negotiate_version().await.with_context(|| {
            format!("the container engine at {host} does not answer, or this user may not use it")
        })?;
        Ok(Self {
            host: host.to_owned(),
            client,
            private: None,
        })
    }

    /// The engine's address, in the form of `DOCKER_HOST`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The private Podman, if it is one.
    #[must_use]
    pub const fn podman(&self) -> Option<&Podman> {
        self.private.as_ref()
    }
}

fn well_known(environment: &Environment) -> impl Iterator<Item = String> {
    let own = environment.get("XDG_RUNTIME_DIR");
    let own = own.map(|folder| format!("{folder}/podman/podman.sock"));
    ["/var/run/docker.sock", "/run/podman/podman.sock"]
        .map(str::to_owned)
        .into_iter()
        .chain(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_engine_that_is_named_and_does_not_answer_is_an_error_that_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let nobody = format!("unix://{}/engine.sock", folder.path().display());
        let deaf = folder.path().join("deaf.sock");
        let _listener = std::os::unix::net::UnixListener::bind(&deaf).unwrap();
        drop(_listener);
        for host in [nobody, format!("unix://{}", deaf.display())] {
            let environment = Environment::from_iter([("DOCKER_HOST", host.as_str())]);
            let error = Engine::find(&environment).await.unwrap_err();
            let message = format!("{error:#}");
            assert!(
                message.contains(&host) && message.contains("DOCKER_HOST"),
                "{message}"
            );
        }
    }
}
