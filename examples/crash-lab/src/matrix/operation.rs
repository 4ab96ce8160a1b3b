//! The operations in whose steps services are killed.

use std::fmt;
use std::time::Duration;

use agent_pool_client::ClaimOrder;
use agent_pool_core::Secret;
use agent_pool_core::wire::services::{ConfigureRequest, SweepRequest};
use anyhow::Context as _;
use clap::ValueEnum;
use tokio::time::{Instant, sleep};

use super::setup;
use crate::calls::order;
use crate::interceptor::Interceptor;
use crate::settings::{Pacing, Phases};
use crate::settle::LOOK_EVERY;
use crate::system::System;

/// How long an undisturbed creation or destruction may take.
const DONE_WITHIN: Duration = Duration::from_secs(30);

/// An operation that a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Operation {
    /// Create an instance, until it is idle.
    Create,
    /// Claim an idle instance.
    Claim,
    /// Claim an idle instance, which gets tools by it.
    ClaimWithTools,
    /// Claim with an `Idempotency-Key`, and repeat the claim afterwards.
    ClaimWithKey,
    /// Set variables of an instance and redeploy it.
    Configure,
    /// Give an instance a tool.
    AddTool,
    /// Take a tool from an instance.
    ReleaseTool,
    /// Kill an instance, until its row is gone.
    Destroy,
    /// Destroy orphans, and repair a missing tool.
    Sweep,
    /// Tick on a fleet that needs every kind of decision.
    Tick,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Claim => "claim",
            Self::ClaimWithTools => "claim-with-tools",
            Self::ClaimWithKey => "claim-with-key",
            Self::Configure => "configure",
            Self::AddTool => "add-tool",
            Self::ReleaseTool => "release-tool",
            Self::Destroy => "destroy",
            Self::Sweep => "sweep",
            Self::Tick => "tick",
        })
    }
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 10] = [
        Self::Create,
        Self::Claim,
        Self::ClaimWithTools,
        Self::ClaimWithKey,
        Self::Configure,
        Self::AddTool,
        Self::ReleaseTool,
        Self::Destroy,
        Self::Sweep,
        Self::Tick,
    ];

    pub(super) fn pacing(self) -> Pacing {
        let mut pacing = Pacing::QUIET;
        match self {
            Self::Tick => pacing.min_idle = setup::TICK_IDLE,
            Self::ClaimWithTools => pacing.phases = Phases::CLAIM,
            Self::AddTool | Self::ReleaseTool => pacing.phases = Phases::DEMAND,
            Self::Create
            | Self::Claim
            | Self::ClaimWithKey
            | Self::Configure
            | Self::Destroy
            | Self::Sweep => {}
        }
        pacing
    }

    /// Prepares the system. Returns the instance that the operation is about, if any.
    pub(super) async fn set_up(self, system: &System) -> anyhow::Result<String> {
        match self {
            // After the tick that Pool begins with.
            Self::Create => system.tick().await.map(|()| String::new()),
            Self::Claim
            | Self::ClaimWithTools
            | Self::ClaimWithKey
            | Self::Configure
            | Self::AddTool
            | Self::Destroy => setup::one_idle(system).await,
            Self::ReleaseTool => {
                let id = setup::one_idle(system).await?;
                add_tool(system, &id).await.map(|()| id)
            }
            Self::Sweep => setup::orphan_and_missing(system).await,
            Self::Tick => setup::fleet(system).await,
        }
    }

    /// Asks for the operation, and waits until it ends or a service is killed. Its answer counts only if a client may rely
    /// on it, as on a claim.
    pub(super) async fn act(self, system: &System, subject: &str, interceptors: [&Interceptor; 2]) {
        let triggered = || {
            interceptors
                .iter()
                .any(|interceptor| interceptor.triggered())
        };
        let asked = match self {
            Self::Create => {
                async {
                    system.replenish(1).await?;
                    until(triggered, async || {
                        let pool = system.pool_database().await?;
                        let idle = "SELECT count(*) FROM instances WHERE status = 'idle'";
                        Ok(pool.number(idle).await? == 1)
                    })
                    .await
                }
                .await
            }
            Self::Claim | Self::ClaimWithTools | Self::ClaimWithKey => self.claim(system).await,
            Self::Configure => configure(system, subject).await,
            Self::AddTool => add_tool(system, subject).await,
            Self::ReleaseTool => release_tool(system, subject).await,
            Self::Destroy => {
                async {
                    system.pool_api(0).await?.kill(&subject.parse()?).await?;
                    until(triggered, async || {
                        let pool = system.pool_database().await?;
                        Ok(pool.number("SELECT count(*) FROM instances").await? == 0)
                    })
                    .await
                }
                .await
            }
            Self::Sweep => sweep(system).await,
            Self::Tick => system.tick().await,
        };
        // The client got an error, so the outcome is unknown: only the promises are checked.
        drop(asked);
    }

    /// The number of instances that must be idle at the end.
    pub(super) fn idle_after(self) -> Option<u32> {
        (self == Self::Tick).then_some(setup::TICK_IDLE)
    }

    /// A client that got no success asks again, and must succeed.
    pub(super) async fn again(self, system: &System, subject: &str) -> anyhow::Result<()> {
        match self {
            Self::Create | Self::Tick | Self::Destroy => Ok(()),
            Self::Claim | Self::ClaimWithTools | Self::ClaimWithKey => {
                setup::at_least_one_idle(system).await?;
                let before = system.claimed();
                let claimed = self.claim(system).await.context("the repeated claim");
                if self == Self::ClaimWithKey && !before.is_empty() {
                    // The same answer again is no second claim.
                    let after = system.claimed();
                    anyhow::ensure!(before == after[before.len()..], "another answer: {after:?}");
                    system.forget_claims_but(before.len());
                }
                claimed
            }
            Self::Configure => configure(system, subject).await,
            Self::AddTool => add_tool(system, subject).await,
            Self::ReleaseTool => release_tool(system, subject).await,
            Self::Sweep => sweep(system).await,
        }
    }

    async fn claim(self, system: &System) -> anyhow::Result<()> {
        let order = ClaimOrder {
            idempotency_key: (self == Self::ClaimWithKey).then(|| "key-of-tulip".to_owned()),
            ..order("Tulip")?
        };
        system.acknowledge(system.claim(&order).await?);
        Ok(())
    }
}

async fn configure(system: &System, subject: &str) -> anyhow::Result<()> {
    let request = ConfigureRequest {
        variables: [("COLOUR".parse()?, Secret::new("blue"))]
            .into_iter()
            .collect(),
        redeploy: true,
    };
    let services = system.services_api(0).await?;
    services
        .configure(&subject.parse()?, &request, DONE_WITHIN)
        .await?;
    let state = system.cloud.state().railway;
    let set = state
        .instances
        .iter()
        .any(|one| one.variables.contains_key("COLOUR"));
    anyhow::ensure!(set, "a variable that was confirmed is not set");
    Ok(())
}

async fn add_tool(system: &System, subject: &str) -> anyhow::Result<()> {
    let tool = Phases::DEMAND.demand.concat().parse()?;
    let pool = system.pool_api(0).await?;
    pool.add_tool(&subject.parse()?, &tool).await?;
    let numbers = system.cloud.state().telnyx.numbers.len();
    anyhow::ensure!(
        numbers == 1,
        "a tool that was confirmed, and {numbers} numbers"
    );
    Ok(())
}

async fn release_tool(system: &System, subject: &str) -> anyhow::Result<()> {
    let tool = Phases::DEMAND.demand.concat().parse()?;
    let pool = system.pool_api(0).await?;
    pool.release_tool(&subject.parse()?, &tool).await?;
    let numbers = system.cloud.state().telnyx.numbers.len();
    anyhow::ensure!(numbers == 0, "a tool that is gone, and {numbers} numbers");
    Ok(())
}

async fn sweep(system: &System) -> anyhow::Result<()> {
    let request = SweepRequest {
        destroy: true,
        repair: true,
        ..SweepRequest::default()
    };
    system.services_api(0).await?.sweep(&request).await?;
    Ok(())
}

/// Polls until the condition holds or a service was killed.
async fn until(
    triggered: impl Fn() -> bool,
    so: impl AsyncFn() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + DONE_WITHIN;
    while !triggered() && !so().await? {
        anyhow::ensure!(Instant::now() < deadline, "it takes too long");
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}
