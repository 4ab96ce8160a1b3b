//! The source of instances and tools: processes of this machine with mock tools, or fakes of the vendors.

use std::path::{Path, PathBuf};

use agent_pool_core::registry::Registry;
use agent_pool_core::settings::Environment;
use agent_pool_core::{InfraId, ToolId};
use anyhow::Context as _;

use crate::folder::DataFolder;
use crate::options::Options;
use crate::part::Part;

/// The source of instances and tools.
#[derive(Debug)]
pub(crate) enum Backend {
    /// Processes of this machine, which keep their data in this folder, and mock tools.
    Local {
        instances: PathBuf,
        /// The program of every instance, with its arguments.
        runtime: Vec<String>,
    },
    /// Containers of an engine, and mock tools.
    #[cfg(feature = "containers")]
    Containers(Box<crate::containers::Containers>),
    /// Another infra, and mock tools. Its settings are this command's.
    Infra(InfraId),
    /// The real providers on fakes of the four vendors.
    #[cfg(feature = "cloud")]
    Cloud(Box<crate::cloud::Cloud>),
}

impl Backend {
    /// Starts what the options choose.
    pub(crate) async fn start(
        options: &Options,
        folder: &DataFolder,
        #[cfg_attr(
            not(feature = "containers"),
            expect(unused_variables, reason = "the others start at once")
        )]
        report: impl Fn(&str),
    ) -> anyhow::Result<Self> {
        if options.containers {
            #[cfg(feature = "containers")]
            return Ok(Self::Containers(Box::new(
                crate::containers::Containers::start(folder, report).await?,
            )));
            #[cfg(not(feature = "containers"))]
            return Err(left_out("containers"));
        }
        if let Some(infra) = &options.infra {
            return Ok(Self::Infra(infra.clone()));
        }
        if !options.cloud {
            let mut runtime = own_command(folder)?;
            runtime.push(Part::AgentRuntime.name().to_owned());
            let instances = folder.instances();
            return Ok(Self::Local { instances, runtime });
        }
        #[cfg(feature = "cloud")]
        return Ok(Self::Cloud(Box::new(
            crate::cloud::start(options.like_live).await?,
        )));
        #[cfg(not(feature = "cloud"))]
        Err(left_out("cloud"))
    }

    /// The default tools of every instance.
    const fn default_tools(&self) -> &'static str {
        match self {
            #[cfg(feature = "cloud")]
            Self::Cloud(_) => "openrouter,agentmail,telnyx",
            _ => "mock-llm,mock-mail",
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
            Self::Local { instances, runtime } => Ok(Environment::from_iter([
                ("INFRA_PROVIDER", "local".to_owned()),
                ("LOCAL_RUNTIME_COMMAND", shell_words::join(runtime)),
                ("LOCAL_DATA_DIR", instances.display().to_string()),
            ])),
            #[cfg(feature = "containers")]
            Self::Containers(containers) => {
                let mut settings = infra_settings(containers.infra(), &Environment::of_process())?;
                for (name, value) in containers.settings() {
                    settings.set(name, value);
                }
                Ok(settings)
            }
            Self::Infra(infra) => {
                let settings = infra_settings(infra.as_str(), &Environment::of_process())?;
                // An unknown or unconfigured one is refused at once.
                Registry::collect(&settings)?.infra(infra)?;
                Ok(settings)
            }
            #[cfg(feature = "cloud")]
            Self::Cloud(cloud) => Ok(cloud.settings()),
        }
    }

    /// Whether services-svc has to destroy the instances before it stops.
    pub(crate) const fn outlives_the_stack(&self) -> bool {
        matches!(self, Self::Infra(_))
    }

    /// Stops the instances. The data of local ones stays.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        match self {
            Self::Local { instances, .. } => Ok(provider_local::stop_all(&instances).await?),
            #[cfg(feature = "containers")]
            Self::Containers(containers) => containers.stop().await,
            Self::Infra(_) => Ok(()),
            #[cfg(feature = "cloud")]
            Self::Cloud(cloud) => {
                drop(cloud);
                Ok(())
            }
        }
    }
}

/// The error of `--feature` in a build without that feature.
#[cfg(not(all(feature = "cloud", feature = "containers")))]
fn left_out(feature: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "`--{feature}` needs a build with `--features {feature}`: \
         cargo run -p mock-harness --features {feature} -- --{feature}"
    )
}

/// The choice of an infra, and the variables of `process` that it reads.
fn infra_settings(infra: &str, process: &Environment) -> anyhow::Result<Environment> {
    let mut settings = Environment::from_iter([("INFRA_PROVIDER", infra)]);
    let known = Registry::collect(&Environment::default())?;
    for (_, entry) in known.infras().filter(|(id, _)| id.as_str() == infra) {
        for setting in entry.registration.reference() {
            if let Some(value) = process.get(&setting.variable) {
                settings.set(setting.variable, value.to_owned());
            }
        }
    }
    Ok(settings)
}

/// The command of this program, to which a part is appended. The folder is included so that the list of processes shows
/// which stack a process belongs to.
pub(crate) fn own_command(folder: &DataFolder) -> anyhow::Result<Vec<String>> {
    let program = std::env::current_exe()?;
    let text = |path: &Path| path.to_str().map(str::to_owned);
    let program = text(&program).context("the path of this program is not UTF-8")?;
    let folder = text(folder.path()).context("the path of the data folder is not UTF-8")?;
    Ok(vec![program, "--data-dir".to_owned(), folder])
}
