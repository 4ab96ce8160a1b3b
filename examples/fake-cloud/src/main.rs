//! The cloud as a process: prints its URLs and keys, and serves until it is interrupted.

use std::io::Write;

use clap::Parser;
use fake_cloud::{FakeCloud, Latency, Options, Pace};

/// The APIs of Railway, OpenRouter, AgentMail and Telnyx on 127.0.0.1.
#[derive(Debug, Parser)]
struct Args {
    /// The port; 0 picks a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Seed of IDs and of random faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Delay of every answer, in milliseconds.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Maximum random additional delay, in milliseconds.
    #[arg(long, default_value_t = 0)]
    jitter_ms: u64,
    /// Time that a deployment spends in each of its three stages, in milliseconds.
    #[arg(long, default_value_t = 1000)]
    deploy_stage_ms: u64,
    /// Time that a Telnyx order stays pending, in milliseconds.
    #[arg(long, default_value_t = 1000)]
    order_ms: u64,
    /// Maximum number of volumes in one Railway project.
    #[arg(long, default_value_t = 20)]
    volumes_per_project: usize,
    /// Record every exchange for `/_admin/exchanges`.
    #[arg(long)]
    record: bool,
}

impl Args {
    fn options(&self) -> Options {
        let mut options = Options {
            port: self.port,
            seed: self.seed,
            record: self.record,
            latency: Latency {
                base_ms: self.latency_ms,
                jitter_ms: self.jitter_ms,
            },
            ..Options::default()
        };
        options.railway.stage_pace = Pace::Millis(self.deploy_stage_ms);
        options.railway.volumes_per_project = self.volumes_per_project;
        options.telnyx.order_pace = Pace::Millis(self.order_ms);
        options
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let cloud = FakeCloud::start(Args::parse().options()).await?;
    let mut out = std::io::stdout().lock();
    let own = [
        ("FAKE_CLOUD_ADMIN_URL", cloud.admin_url()),
        ("FAKE_CLOUD_SEED", cloud.options().seed.to_string()),
        ("RAILWAY_WORKSPACE_ID", cloud.railway_workspace_id()),
    ];
    for (name, value) in own.into_iter().chain(cloud.settings()) {
        writeln!(out, "{name}={value}")?;
    }
    out.flush()?;
    drop(out);
    tokio::signal::ctrl_c().await?;
    Ok(())
}
