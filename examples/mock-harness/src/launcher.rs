//! What the fake Railway runs as a container: the agent runtime, in this process.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use agent_pool_core::settings::Environment;
use async_trait::async_trait;
use fake_cloud::{Container, Launcher, Running};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Runs agent-runtime for every container. A service's volume is a folder that lives as long as this.
#[derive(Debug)]
pub(crate) struct AgentLauncher {
    volumes: TempDir,
}

impl AgentLauncher {
    pub(crate) fn new() -> io::Result<Self> {
        let volumes = tempfile::Builder::new()
            .prefix("agent-pool-volumes-")
            .tempdir()?;
        Ok(Self { volumes })
    }

    fn environment(&self, container: Container) -> Environment {
        let mut environment = Environment::from_iter(container.variables);
        // The fake's domains are reached without TLS.
        if let Some(domain) = environment.get("RAILWAY_PUBLIC_DOMAIN") {
            let url = format!("http://{}", domain.trim_start_matches("http://"));
            environment.set("PUBLIC_URL", url);
        }
        let volume = self.volumes.path().join(&container.service_name);
        environment.set("INSTANCE_DATA_DIR", volume.display().to_string());
        // The key is a fake vendor's and opens no model: the agent is to say so.
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

/// A container that runs; dropped, it is asked to end.
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
