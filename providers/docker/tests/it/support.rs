//! A provider on a private engine, and instances on it.

use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::settings::Environment;
use agent_pool_core::{
    Context, CreatedInfra, EnvVars, InfraProvider, InstanceId, InstanceSpec, Mark, ProviderError,
    Redeploy, Secret,
};
use provider_docker::Docker;
use tokio::time::{Instant, sleep};

use crate::podman::{IMAGE, Podman};

const LIMIT: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) podman: Podman,
    pub(crate) docker: Arc<dyn InfraProvider>,
    pub(crate) cx: Context,
}

impl World {
    /// `None` without Podman, see [`Podman::start`].
    pub(crate) async fn new(settings: &[(&str, &str)]) -> Option<Self> {
        let podman = Podman::start().await?;
        let docker = build(&podman, settings);
        let cx = context();
        Some(Self { podman, docker, cx })
    }

    pub(crate) async fn create(&self) -> CreatedInfra {
        let (id, spec) = (InstanceId::generate(), spec());
        self.docker.create(&self.cx, &id, &spec).await.unwrap()
    }

    /// A running instance with these variables that answers its health check.
    pub(crate) async fn running(&self, variables: &[(&str, &str)]) -> CreatedInfra {
        let created = self.create().await;
        self.configure(&created, variables, Redeploy::Yes)
            .await
            .unwrap();
        self.healthy(&created).await;
        created
    }

    pub(crate) async fn configure(
        &self,
        created: &CreatedInfra,
        variables: &[(&str, &str)],
        redeploy: Redeploy,
    ) -> Result<(), ProviderError> {
        let variables = vars(variables);
        self.docker
            .configure(&self.cx, &created.handle, &variables, redeploy)
            .await
    }

    pub(crate) async fn redeploy(&self, created: &CreatedInfra) {
        let redeployed = self.docker.redeploy(&self.cx, &created.handle);
        redeployed.await.unwrap();
    }

    pub(crate) async fn destroy(&self, created: &CreatedInfra) {
        let destroyed = self.docker.destroy(&self.cx, &created.handle);
        destroyed.await.unwrap();
    }

    pub(crate) async fn healthy(&self, created: &CreatedInfra) {
        let url = created.url.join("pool/health").unwrap();
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Ok(response) = self.cx.http().get(url.clone()).send().await
                && response.status().is_success()
            {
                return;
            }
            assert!(Instant::now() < deadline, "{url} does not answer");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Runs a shell command inside the instance.
    pub(crate) fn inside(&self, created: &CreatedInfra, command: &str) -> String {
        self.podman
            .run(&["exec", &self.container(created), "/bin/sh", "-c", command])
    }

    /// The running container.
    pub(crate) fn container(&self, created: &CreatedInfra) -> String {
        let filter = format!("label=agent-pool.name={}", created.handle.service.as_str());
        self.podman
            .run(&["ps", "--filter", &filter, "--format", "{{.ID}}"])
    }
}

pub(crate) fn build(podman: &Podman, settings: &[(&str, &str)]) -> Arc<dyn InfraProvider> {
    let mut environment = Environment::from_iter([
        ("DOCKER_HOST", podman.host().as_str()),
        ("DOCKER_IMAGE", IMAGE),
        ("DOCKER_PULL", "never"),
        ("DOCKER_STOP_GRACE_MS", "0"),
        ("DOCKER_USER", "1000:1000"),
    ]);
    for (name, value) in podman.ports() {
        environment.set(name, value);
    }
    for (name, value) in settings {
        environment.set(*name, *value);
    }
    Docker::build(&environment).unwrap()
}

pub(crate) fn context() -> Context {
    let mark = Mark::new(&"test".parse().unwrap());
    Context::new(mark, agent_pool_core::http::client().unwrap())
}

pub(crate) fn spec() -> InstanceSpec {
    InstanceSpec {
        name: "test".to_owned(),
        ..InstanceSpec::default()
    }
}

fn vars(pairs: &[(&str, &str)]) -> EnvVars {
    pairs
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), Secret::new(*value)))
        .collect()
}
