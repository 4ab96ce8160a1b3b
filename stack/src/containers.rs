//! Instances as containers: the engine that they run on, and the image of the agent.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;

use agent_pool_core::settings::Environment;
use agent_pool_engine::{Engine, Image, Podman, USER};
use anyhow::Context as _;

use crate::folder::DataFolder;
use crate::part::Part;

/// An engine with the image of the agent.
#[derive(Debug)]
pub(crate) struct Containers {
    engine: Engine,
    /// `POOL_ENVIRONMENT`: several stacks may share an engine.
    environment: String,
    image: String,
    /// The file with the folder of a private engine, for the next start if this one is killed.
    note: PathBuf,
}

impl Containers {
    /// Finds an engine, removes the remains of a killed stack of this folder, and builds the image.
    pub(crate) async fn start(folder: &DataFolder, report: impl Fn(&str)) -> anyhow::Result<Self> {
        let note = folder.path().join("engine");
        if let Ok(left) = fs::read_to_string(&note) {
            Podman::remove_leftovers(left.trim().as_ref());
        }
        report("looking for a container engine");
        let engine = Engine::find(&Environment::of_process()).await?;
        if let Some(podman) = engine.podman() {
            fs::write(&note, podman.folder().display().to_string())
                .with_context(|| format!("cannot write {}", note.display()))?;
        }
        let environment = environment_of(folder);
        let image = format!("localhost/agent-pool-agent:{environment}");
        let containers = Self {
            engine,
            environment,
            image,
            note,
        };
        containers.remove_instances().await?;
        report("making the image of the agent");
        let program = std::env::current_exe()?;
        let agent = Image::from_program(&program, &[Part::AgentRuntime.name()])?;
        containers.engine.import(&agent, &containers.image).await?;
        Ok(containers)
    }

    /// The id of its infra.
    pub(crate) const fn infra(&self) -> &'static str {
        "docker"
    }

    /// The fixed settings of services-svc.
    pub(crate) fn settings(&self) -> [(&'static str, String); 5] {
        let (user, group) = USER;
        [
            ("POOL_ENVIRONMENT", self.environment.clone()),
            ("DOCKER_HOST", self.engine.host().to_owned()),
            ("DOCKER_IMAGE", self.image.clone()),
            ("DOCKER_PULL", "never".to_owned()),
            ("DOCKER_USER", format!("{user}:{group}")),
        ]
    }

    /// Removes every container, network and volume of this stack, and the image.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let removed = self.remove_instances().await;
        self.engine.remove_image(&self.image).await;
        fs::remove_file(&self.note).ok();
        removed
    }

    async fn remove_instances(&self) -> anyhow::Result<()> {
        let label = format!("agent-pool.mark=ap-{}-", self.environment);
        self.engine.remove_labelled(&label).await
    }
}

/// `POOL_ENVIRONMENT` of the stack of this folder.
fn environment_of(folder: &DataFolder) -> String {
    let mut hasher = DefaultHasher::new();
    folder.path().hash(&mut hasher);
    format!("stack-{:08x}", hasher.finish() >> 32)
}
