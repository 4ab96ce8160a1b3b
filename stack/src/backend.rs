//! Where instances and their tools come from: processes of this machine with mock tools, or fakes of the vendors.

use std::path::PathBuf;

use agent_pool_core::ToolId;
use agent_pool_core::settings::Environment;
use anyhow::Context as _;

use crate::folder::DataFolder;
use crate::options::Options;
use crate::part::Part;

/// Where instances and their tools come from.
#[derive(Debug)]
pub(crate) enum Backend {
    /// Processes of this machine, which keep their data in this folder, and mock tools.
    Local(PathBuf),
    /// The real providers on fakes of the four vendors.
    #[cfg(feature = "cloud")]
    Cloud(Box<fake_cloud::FakeCloud>),
}

impl Backend {
    /// Starts what the options choose.
    pub(crate) async fn start(options: &Options, folder: &DataFolder) -> anyhow::Result<Self> {
        if !options.cloud {
            return Ok(Self::Local(folder.instances()));
        }
        #[cfg(feature = "cloud")]
        return Ok(Self::Cloud(Box::new(crate::cloud::start().await?)));
        #[cfg(not(feature = "cloud"))]
        anyhow::bail!(
            "this build has no fake vendors; `--cloud` needs a build with `--features cloud`: \
             cargo run -p mock-harness --features cloud -- --cloud"
        )
    }

    /// The default tools of every instance.
    const fn default_tools(&self) -> &'static str {
        match self {
            Self::Local(_) => "mock-llm,mock-mail",
            #[cfg(feature = "cloud")]
            Self::Cloud(_) => "openrouter,agentmail,telnyx",
        }
    }

    /// `POOL_TOOLS`.
    pub(crate) fn pool_tools(&self, options: &Options) -> String {
        if options.tools.is_empty() {
            return self.default_tools().to_owned();
        }
        let names: Vec<&str> = options.tools.iter().map(ToolId::as_str).collect();
        names.join(",")
    }

    /// The settings of services-svc that choose this backend.
    pub(crate) fn settings(&self) -> anyhow::Result<Environment> {
        match self {
            Self::Local(instances) => {
                let program = std::env::current_exe()?;
                let program = program
                    .to_str()
                    .context("the path of this program is not UTF-8")?;
                let command = shell_words::join([program, Part::AgentRuntime.name()]);
                Ok(Environment::from_iter([
                    ("INFRA_PROVIDER", "local".to_owned()),
                    ("LOCAL_RUNTIME_COMMAND", command),
                    ("LOCAL_DATA_DIR", instances.display().to_string()),
                ]))
            }
            #[cfg(feature = "cloud")]
            Self::Cloud(cloud) => Ok(cloud.settings().into_iter().collect()),
        }
    }

    /// Stops the instances. The data of local ones stays.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        match self {
            Self::Local(instances) => Ok(provider_local::stop_all(&instances).await?),
            #[cfg(feature = "cloud")]
            Self::Cloud(cloud) => {
                drop(cloud);
                Ok(())
            }
        }
    }
}
