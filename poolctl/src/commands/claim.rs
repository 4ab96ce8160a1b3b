//! `poolctl claim`.

mod order;

use std::time::Duration;

use agent_pool_client::{CallError, ClaimOrder, ClaimUpdate};
use agent_pool_core::wire::pool::{ClaimOutcome, ClaimStep, Claimed, PendingClaim};
use clap::Args;
use indicatif::ProgressBar;
use tokio::time::sleep;

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, dim, good, plain, spinner, strong};

/// Attempts of a claim if its connection breaks. Because of its key, it remains one claim.
const TRIES: u8 = 3;
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Claim an idle instance as an agent, and print its invite link
#[derive(Debug, Args)]
pub(crate) struct Claim {
    #[command(flatten)]
    agent: order::Agent,

    /// Join this conversation instead of starting a new one
    #[arg(long, value_name = "URL", value_parser = order::join_url)]
    join: Option<agent_pool_core::wire::JoinUrl>,

    /// Pool to take an instance from; by default the template's pool, or `default`
    #[arg(long, value_name = "POOL")]
    pool: Option<agent_pool_core::PoolName>,

    /// Seconds after which the agent is ended; by default as in the policy of the pool
    #[arg(long, value_name = "SECONDS", value_parser = order::ttl)]
    ttl: Option<agent_pool_core::wire::pool::Ttl>,

    /// Seconds to wait if no instance is idle; first come, first served
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=300))]
    wait: u16,

    /// Repeating a claim with the same key within 24 hours returns the same agent
    #[arg(long, value_name = "KEY", value_parser = order::key)]
    idempotency_key: Option<String>,
}

impl Claim {
    pub(crate) async fn run(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        let mut request = self.agent.request(target).await?;
        request.join_url = self.join;
        request.pool = self.pool.or(request.pool);
        request.ttl_seconds = self.ttl;
        let order = ClaimOrder {
            request,
            wait: self.wait,
            // A key, so that the claim can be repeated if the connection breaks.
            idempotency_key: Some(self.idempotency_key.unwrap_or_else(|| nanoid::nanoid!())),
        };
        let claimed = claim(out, target, &order).await?;
        let name = order.request.agent_name.as_ref().map(ToString::to_string);
        out.answer(&claimed, || match &claimed {
            ClaimOutcome::Claimed(claimed) => describe_claimed(name.as_deref(), claimed),
            ClaimOutcome::Pending(pending) => describe_pending(name.as_deref(), pending),
        })?;
        Ok(Exit::Done)
    }
}

async fn claim(out: Out, target: &Target, order: &ClaimOrder) -> Result<ClaimOutcome, Failure> {
    let bar = spinner("claiming");
    let mut tries = 1;
    let outcome = loop {
        match target
            .pool
            .claim_stream(order, |update| show(out, &bar, &update))
            .await
        {
            Err(CallError::Broken { reason, .. }) if tries < TRIES => {
                tries += 1;
                bar.set_message(format!("the connection broke ({reason}); retrying"));
                sleep(AGAIN_AFTER).await;
            }
            outcome => break outcome,
        }
    };
    bar.finish_and_clear();
    outcome.map_err(|error| Failure::of_call("claim an agent", &error))
}

/// Shows a finished step, and the next one.
fn show(out: Out, bar: &ProgressBar, update: &ClaimUpdate) {
    match update {
        ClaimUpdate::Waiting(waiting) => bar.set_message(match waiting.position {
            1 => "no idle instance; first in the queue".to_owned(),
            position => format!("no idle instance; position {position} in the queue"),
        }),
        ClaimUpdate::Step(progress) => {
            let (done, next) = match progress.step {
                ClaimStep::Taken => ("reserved", "setting variables"),
                ClaimStep::Configured => ("configured", "provisioning"),
                ClaimStep::Provisioned => ("provisioned", "recording"),
                ClaimStep::Recorded => ("recorded", "done"),
            };
            let id = dim(progress.instance_id.as_str());
            bar.suspend(|| out.note(&format!("{} {done} {id}", good("✓"))));
            bar.set_message(next);
        }
    }
}

fn describe_claimed(name: Option<&str>, claimed: &Claimed) -> String {
    let joined = if claimed.joined {
        "it joined the conversation"
    } else {
        "open the link to talk to it"
    };
    format!(
        "{} is ready: {joined}\n\n  invite    {}\n  instance  {}",
        strong(name.unwrap_or("The agent")),
        strong(&plain(claimed.invite_url.as_str())),
        claimed.instance_id,
    )
}

fn describe_pending(name: Option<&str>, pending: &PendingClaim) -> String {
    format!(
        "{} asked to join and waits to be accepted until {}\n\n  instance  {}\n  follow    poolctl show {2}",
        strong(name.unwrap_or("The agent")),
        pending.accept_by.format("%F %H:%M UTC"),
        pending.instance_id,
    )
}
