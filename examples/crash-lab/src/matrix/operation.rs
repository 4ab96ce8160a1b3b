//! The operations at whose steps services are killed. A new one is a variant of [`Operation`] with its preparation in
//! `setup.rs`; its steps are found by running it undisturbed.

use std::fmt;

use agent_pool_client::ClaimOrder;
use agent_pool_core::wire::pool::ToolChange;
use agent_pool_core::wire::problem::ProblemCode;
use agent_pool_core::wire::services::{ConfigureRequest, SweepRequest};
use agent_pool_core::{Secret, ToolOptions};
use anyhow::Context as _;
use clap::ValueEnum;

use super::wait::{DONE_WITHIN, until};
use super::{recipe, setup};
use crate::calls::order;
use crate::interceptor::{Interceptor, Step};
use crate::settings::{Pacing, Phases};
use crate::system::System;

/// Words in the labels of an operation's own steps, for operations that start other operations.
const OWN: [(Operation, &[&str]); 2] = [
    (Operation::RollOut, &["rollouts", "/recipe", "recipe_"]),
    (
        Operation::Upgrade,
        &[
            "upgrade",
            "made_from",
            "railway",
            "instance_leases",
            "sections",
            "instance_infra",
        ],
    ),
];
/// The number of times that such a step is taken in every run. Loops take it more often while they wait.
const REGULAR: u32 = 2;

/// `INSTANCE_LEASE_MS` and `POOL_WORK_LEASE_MS` of a tick until a service is killed.
const LEASE_MS: u32 = 30_000;

/// An operation that a client requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Operation {
    /// Create an instance, until it is idle.
    Create,
    /// Claim an idle instance.
    Claim,
    /// Claim an idle instance with claim tools.
    ClaimWithTools,
    /// Claim with an `Idempotency-Key`, and repeat the claim afterwards.
    ClaimWithKey,
    /// Set variables of an instance and redeploy it.
    Configure,
    /// Add a tool to an instance.
    AddTool,
    /// Release a tool of an instance.
    ReleaseTool,
    /// Change the spending limit of an instance's key.
    UpdateLimit,
    /// Kill an instance, until its row is deleted.
    Destroy,
    /// Delete a pool that has an idle instance, until the instance is destroyed.
    DeletePool,
    /// Destroy orphans, and repair a missing tool.
    Sweep,
    /// Tick on a fleet that needs every kind of decision.
    Tick,
    /// Change the recipe, until the idle instance is replaced. Its creation and destruction are operations of their own.
    RollOut,
    /// Upgrade a claimed instance to a changed recipe.
    Upgrade,
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
            Self::UpdateLimit => "update-limit",
            Self::Destroy => "destroy",
            Self::DeletePool => "delete-pool",
            Self::Sweep => "sweep",
            Self::Tick => "tick",
            Self::RollOut => "roll-out",
            Self::Upgrade => "upgrade",
        })
    }
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 14] = [
        Self::Create,
        Self::Claim,
        Self::ClaimWithTools,
        Self::ClaimWithKey,
        Self::Configure,
        Self::AddTool,
        Self::ReleaseTool,
        Self::UpdateLimit,
        Self::Destroy,
        Self::DeletePool,
        Self::Sweep,
        Self::Tick,
        Self::RollOut,
        Self::Upgrade,
    ];

    pub(super) fn pacing(self) -> Pacing {
        let mut pacing = Pacing::QUIET;
        match self {
            Self::Tick => {
                pacing.min_idle = setup::TICK_IDLE;
                // Three times within a lease, both services look for interrupted work and do the work of a tick. That
                // must not happen between the preparation and the tick.
                (pacing.lease, pacing.work_lease) = (LEASE_MS, LEASE_MS);
            }
            Self::RollOut => pacing.min_idle = 1,
            Self::ClaimWithTools => pacing.phases = Phases::CLAIM,
            Self::AddTool | Self::ReleaseTool => pacing.phases = Phases::DEMAND,
            Self::Create
            | Self::Claim
            | Self::ClaimWithKey
            | Self::Configure
            | Self::UpdateLimit
            | Self::Destroy
            | Self::DeletePool
            | Self::Sweep
            | Self::Upgrade => {}
        }
        pacing
    }

    /// Whether a step belongs to this operation, and not to one that it starts or that runs concurrently.
    pub(super) fn owns(self, step: &Step) -> bool {
        let own = OWN.iter().find(|(operation, _)| *operation == self);
        own.is_none_or(|(_, words)| {
            step.nth <= REGULAR && words.iter().any(|word| step.label.contains(word))
        })
    }

    /// Prepares the system. Returns the instance that the operation is about, if any.
    pub(super) async fn set_up(self, system: &System) -> anyhow::Result<String> {
        match self {
            // After the first tick of Pool.
            Self::Create => system.tick().await.map(|()| String::new()),
            Self::Claim
            | Self::ClaimWithTools
            | Self::ClaimWithKey
            | Self::Configure
            | Self::AddTool
            | Self::UpdateLimit
            | Self::Destroy => setup::one_idle(system).await,
            Self::DeletePool => setup::pool(system).await,
            Self::ReleaseTool => {
                let id = setup::one_idle(system).await?;
                add_tool(system, &id).await.map(|()| id)
            }
            Self::Sweep => setup::orphan_and_missing(system).await,
            Self::Tick => setup::fleet(system).await,
            Self::RollOut => setup::one_kept(system).await.map(|()| String::new()),
            Self::Upgrade => {
                let id = setup::one_claimed(system).await?;
                recipe::change(system).await.map(|()| id)
            }
        }
    }

    /// Requests the operation, and waits until it ends or a service is killed. The answer only matters if a client may
    /// rely on it, as with a claim.
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
            Self::UpdateLimit => update_limit(system, subject).await,
            Self::DeletePool => {
                async {
                    delete_pool(system, subject).await?;
                    until(triggered, async || {
                        let pool = system.pool_database().await?;
                        Ok(pool.number("SELECT count(*) FROM instances").await? == 0)
                    })
                    .await
                }
                .await
            }
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
            Self::RollOut => recipe::roll_out(system, triggered).await,
            Self::Upgrade => recipe::upgrade(system, subject, triggered).await,
            Self::Tick => {
                async {
                    setup::expire_claim(system).await?;
                    system.tick().await
                }
                .await
            }
        };
        // After an error the outcome is unknown to the client, so only the promises are checked.
        drop(asked);
    }

    /// The number of instances that must be idle at the end.
    pub(super) fn idle_after(self) -> Option<u32> {
        let kept = (self == Self::Tick).then_some(setup::TICK_IDLE);
        kept.or((self == Self::RollOut).then_some(1))
    }

    /// A client without a success repeats the request, and must succeed.
    pub(super) async fn again(self, system: &System, subject: &str) -> anyhow::Result<()> {
        match self {
            Self::Create | Self::Tick | Self::Destroy => Ok(()),
            Self::Claim | Self::ClaimWithTools | Self::ClaimWithKey => {
                setup::at_least_one_idle(system).await?;
                let before = system.claimed();
                let claimed = self.claim(system).await.context("the repeated claim");
                if self == Self::ClaimWithKey && !before.is_empty() {
                    // The same answer again is not a second claim.
                    let after = system.claimed();
                    anyhow::ensure!(before == after[before.len()..], "another answer: {after:?}");
                    system.forget_claims_but(before.len());
                }
                claimed
            }
            Self::Configure => configure(system, subject).await,
            Self::AddTool => add_tool(system, subject).await,
            Self::ReleaseTool => release_tool(system, subject).await,
            Self::UpdateLimit => update_limit(system, subject).await,
            Self::DeletePool => delete_pool(system, subject).await,
            Self::Sweep => sweep(system).await,
            Self::RollOut => recipe::roll_out(system, || false).await,
            Self::Upgrade => recipe::upgrade(system, subject, || false).await,
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
        "the tool was confirmed, but there are {numbers} numbers"
    );
    Ok(())
}

async fn release_tool(system: &System, subject: &str) -> anyhow::Result<()> {
    let tool = Phases::DEMAND.demand.concat().parse()?;
    let pool = system.pool_api(0).await?;
    pool.release_tool(&subject.parse()?, &tool).await?;
    let numbers = system.cloud.state().telnyx.numbers.len();
    anyhow::ensure!(
        numbers == 0,
        "the tool was released, but there are {numbers} numbers"
    );
    Ok(())
}

/// The new limit, in US dollars.
const LIMIT: f64 = 50.0;

async fn update_limit(system: &System, subject: &str) -> anyhow::Result<()> {
    let config = ToolOptions::from_iter([("limit".to_owned(), LIMIT.into())]);
    let change = ToolChange { config };
    let (id, tool) = (subject.parse()?, "openrouter".parse()?);
    let pool = system.pool_api(0).await?;
    pool.change_tool(&id, &tool, &change).await?;
    let keys = system.cloud.state().openrouter.keys;
    let limited = keys.iter().any(|key| key.limit == Some(LIMIT));
    anyhow::ensure!(limited, "a limit that was confirmed is not set");
    Ok(())
}

/// A pool that no longer exists counts as deleted.
async fn delete_pool(system: &System, name: &str) -> anyhow::Result<()> {
    let pool = system.pool_api(0).await?;
    match pool.delete_pool(&name.parse()?, None).await {
        Err(error) if !error.is(&ProblemCode::UnknownPool) => Err(error.into()),
        _ => Ok(()),
    }
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
