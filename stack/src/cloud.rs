//! The fakes of the vendors. The fake Railway runs agent-runtime as a task of this process for each container.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use agent_pool_core::settings::Environment;
use anyhow::Context as _;
use async_trait::async_trait;
use fake_cloud::{
    Container, FakeCloud, Launcher, Options, Pace, RailwayEdge, RailwayOptions, Running,
};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How long a deployment stays in each of its three stages, and a number order pending: long enough to be visible, but
/// short.
const PACE: Pace = Pace::Millis(300);
/// Enough for the largest pool that the command line accepts.
const VOLUMES: usize = 100;

/// The times of the real Railway, in milliseconds: see the README of `provider-railway`.
mod live {
    pub(super) const NOT_FOUND_YET: u64 = 60_000;
    pub(super) const LISTS_LAG: u64 = 28_000;
    pub(super) const PROJECT_INTERVAL: u64 = 30_000;
    pub(super) const CHANGE: u64 = 3_000;
    pub(super) const EDGE_BLOCK: u64 = 86_400_000;
    pub(super) const EDGE_REQUESTS_PER_SECOND: u32 = 10;
}

/// The fakes, and the share of the vendors' real times at which they run, in percent.
#[derive(Debug)]
pub(crate) struct Cloud {
    fakes: FakeCloud,
    like_live: Option<u8>,
}

impl Cloud {
    /// The settings of services-svc that point to the fakes.
    pub(crate) fn settings(&self) -> Environment {
        let mut settings: Environment = self.fakes.settings().into_iter().collect();
        if let Some(percent) = self.like_live {
            for shared in ["RAILWAY_PROJECT_ID", "RAILWAY_ENVIRONMENT_ID"] {
                settings.set(shared, "");
            }
            settings.set("RAILWAY_WORKSPACE_ID", self.fakes.railway_workspace_id());
            let interval = share(live::PROJECT_INTERVAL, percent);
            settings.set("RAILWAY_PROJECT_INTERVAL_MS", interval.to_string());
        }
        settings
    }
}

fn share(millis: u64, percent: u8) -> u64 {
    millis * u64::from(percent) / 100
}

fn like_live(railway: &mut RailwayOptions, percent: u8) {
    railway.ready_pace = Pace::Millis(share(live::NOT_FOUND_YET, percent));
    railway.list_pace = Pace::Millis(share(live::LISTS_LAG, percent));
    railway.project_gap_ms = share(live::PROJECT_INTERVAL, percent);
    railway.change_ms = share(live::CHANGE, percent);
    railway.edge = Some(RailwayEdge {
        requests_per_second: live::EDGE_REQUESTS_PER_SECOND,
        // Not shortened: a run that triggers it should fail.
        block_ms: live::EDGE_BLOCK,
    });
}

/// Starts the fakes, optionally with a share of the vendors' real times.
pub(crate) async fn start(percent: Option<u8>) -> anyhow::Result<Cloud> {
    let launcher = AgentLauncher::new().context("cannot create a folder for the volumes")?;
    let mut options = Options {
        launcher: Arc::new(launcher),
        ..Options::default()
    };
    options.railway.stage_pace = PACE;
    options.railway.volumes_per_project = VOLUMES;
    options.telnyx.order_pace = PACE;
    if let Some(percent) = percent {
        like_live(&mut options.railway, percent);
    }
    let fakes = FakeCloud::start(options).await;
    Ok(Cloud {
        fakes: fakes.context("cannot start the fakes of the vendors")?,
        like_live: percent,
    })
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
        // A key of a fake vendor is not valid for a model. With this prefix the agent says so instead of calling one.
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
