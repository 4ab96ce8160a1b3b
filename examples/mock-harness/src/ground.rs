//! What the instances are made of: processes of this machine with mock tools, or a cloud of fakes.

use std::path::PathBuf;
use std::sync::Arc;

use agent_pool_core::ToolId;
use agent_pool_core::settings::Environment;
use anyhow::Context as _;
use fake_cloud::{FakeCloud, Options as CloudOptions, Pace};

use crate::cli::{Options, Part};
use crate::home::Home;
use crate::launcher::AgentLauncher;

/// How long a deployment stays in each of its three stages, and an order of a number pending: long
/// enough to be seen, short enough to be waited for.
const SLOWNESS: Pace = Pace::Millis(300);
/// Room for a pool of any size that the command line takes.
const VOLUMES: usize = 100;

/// Where instances and tools come from.
#[derive(Debug)]
pub(crate) enum Ground {
    /// Processes of this machine, their folders in this one; mock tools.
    Local(PathBuf),
    /// The fakes of the four vendors, behind the real providers.
    Cloud(Box<FakeCloud>),
}

impl Ground {
    /// The ground that is asked for.
    pub(crate) async fn lay(asked: &Options, home: &Home) -> anyhow::Result<Self> {
        if !asked.cloud {
            return Ok(Self::Local(home.instances()));
        }
        let launcher = Arc::new(AgentLauncher::new().context("no folder for the volumes")?);
        let mut options = CloudOptions {
            launcher,
            ..CloudOptions::default()
        };
        options.railway.stage_pace = SLOWNESS;
        options.railway.volumes_per_project = VOLUMES;
        options.telnyx.order_pace = SLOWNESS;
        let cloud = FakeCloud::start(options)
            .await
            .context("the fake cloud does not start")?;
        Ok(Self::Cloud(Box::new(cloud)))
    }

    /// The tools that every instance is equipped with where none are asked for.
    const fn default_tools(&self) -> &'static str {
        match self {
            Self::Local(_) => "mock-llm,mock-mail",
            Self::Cloud(_) => "openrouter,agentmail,telnyx",
        }
    }

    /// The tools that every instance is equipped with, separated by commas.
    pub(crate) fn tools(&self, asked: &Options) -> String {
        if asked.tools.is_empty() {
            return self.default_tools().to_owned();
        }
        let names: Vec<&str> = asked.tools.iter().map(ToolId::as_str).collect();
        names.join(",")
    }

    /// What services-svc is told of it.
    pub(crate) fn settings(&self) -> anyhow::Result<Environment> {
        match self {
            Self::Local(instances) => {
                let exe = std::env::current_exe()?;
                let exe = exe
                    .to_str()
                    .context("the path of this program is not UTF-8")?;
                let command = shell_words::join([exe, Part::AgentRuntime.word()]);
                Ok(Environment::from_iter([
                    ("INFRA_PROVIDER", "local".to_owned()),
                    ("LOCAL_RUNTIME_COMMAND", command),
                    ("LOCAL_DATA_DIR", instances.display().to_string()),
                ]))
            }
            Self::Cloud(cloud) => Ok(cloud_settings(cloud)),
        }
    }

    /// Ends the instances; what local ones have stays.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        match self {
            Self::Local(instances) => Ok(provider_local::stop_all(&instances).await?),
            Self::Cloud(cloud) => {
                drop(cloud);
                Ok(())
            }
        }
    }
}

/// The settings that a customer of the vendors would have.
fn cloud_settings(cloud: &FakeCloud) -> Environment {
    let CloudOptions {
        railway,
        openrouter,
        agentmail,
        telnyx,
        ..
    } = cloud.options();
    Environment::from_iter([
        ("INFRA_PROVIDER", "railway".to_owned()),
        ("RAILWAY_API_URL", cloud.railway_url()),
        ("RAILWAY_API_TOKEN", railway.tokens.account.clone()),
        ("RAILWAY_PROJECT_ID", cloud.railway_project_id()),
        ("RAILWAY_ENVIRONMENT_ID", cloud.railway_environment_id()),
        (
            "RAILWAY_RUNTIME_IMAGE",
            "ghcr.io/example/agent-runtime:latest".to_owned(),
        ),
        ("OPENROUTER_API_URL", cloud.openrouter_url()),
        (
            "OPENROUTER_MANAGEMENT_KEY",
            openrouter.management_keys.concat(),
        ),
        ("AGENTMAIL_API_URL", cloud.agentmail_url()),
        ("AGENTMAIL_API_KEY", agentmail.api_keys.concat()),
        ("TELNYX_API_URL", cloud.telnyx_url()),
        ("TELNYX_API_KEY", telnyx.api_keys.concat()),
    ])
}
