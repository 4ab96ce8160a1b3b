//! The fakes of the vendors. The fake Railway runs agent-runtime as a task of this process for each container.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use agent_pool_core::settings::Environment;
use anyhow::Context as _;
use async_trait::async_trait;
use fake_cloud::{Container, FakeCloud, Launcher, Options, Pace, Running};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How long a deployment stays in each of its three stages, and a number order pending: long enough to be seen, short
/// enough to wait for.
const PACE: Pace = Pace::Millis(300);
/// Enough for the largest pool that the command line accepts.
const VOLUMES: usize = 100;

/// Starts the fakes.
pub(crate) async fn start() -> anyhow::Result<FakeCloud> {
    let launcher = AgentLauncher::new().context("cannot create a folder for the volumes")?;
    let mut options = Options {
        launcher: Arc::new(launcher),
        ..Options::default()
    };
    options.railway.stage_pace = PACE;
    options.railway.volumes_per_project = VOLUMES;
    options.telnyx.order_pace = PACE;
    let cloud = FakeCloud::start(options).await;
    cloud.context("cannot start the fakes of the vendors")
}

/// Runs agent-runtime for every container. A service's volume is a folder that is removed with this.
#[derive(Debug)]
struct AgentLauncher {
    volumes: TempDir,
}

impl AgentLauncher {
    fn new() -> io::Result<Self> {
        let volumes = tempfile::Builder::new()
            .prefix("agent-pool-volumes-")
            .tempdir()?;
        Ok(Self { volumes })
    }

    fn environment(&self, container: Container) -> Environment {
        let mut environment = Environment::from_iter(container.variables);
        // The domains of the fake are served without TLS.
        if let Some(domain) = environment.get("RAILWAY_PUBLIC_DOMAIN") {
            let url = format!("http://{}", domain.trim_start_matches("http://"));
            environment.set("PUBLIC_URL", url);
        }
        let volume = self.volumes.path().join(&container.service_name);
        environment.set("INSTANCE_DATA_DIR", volume.display().to_string());
        // A fake vendor's key opens no model. With this prefix the agent says so instead of calling one.
        environment.set(
            "OPENROUTER_API_KEY",
            format!("sk-or-fake-{}", container.service_name),
        );
        environment
    }
}

#[async_trait]
impl Launcher for AgentLauncher {
    async fn launch(&self, container: Container) -> io::Result<Box<dyn Running>> {
        let settings = agent_runtime::Settings::read(&self.environment(container));
        let settings = settings.map_err(io::Error::other)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (running, stopped) = oneshot::channel::<()>();
        tokio::spawn(agent_runtime::serve(settings, listener, async {
            stopped.await.ok();
        }));
        Ok(Box::new(Agent {
            address,
            _running: running,
        }))
    }
}

/// A running container. It is asked to stop when this is dropped.
#[derive(Debug)]
struct Agent {
    address: SocketAddr,
    _running: oneshot::Sender<()>,
}

impl Running for Agent {
    fn address(&self) -> SocketAddr {
        self.address
    }
}
