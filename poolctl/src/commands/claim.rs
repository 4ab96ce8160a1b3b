//! `poolctl claim`.

mod order;

use std::time::Duration;

use agent_pool_client::{CallError, ClaimOrder, ClaimUpdate};
use agent_pool_core::wire::pool::{ClaimStep, Claimed};
use clap::Args;
use indicatif::ProgressBar;
use tokio::time::sleep;

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, dim, good, spinner, strong};

/// How often a claim is asked for again whose connection broke. It stays one claim, by its key.
const TRIES: u8 = 3;
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Make an idle instance somebody's agent, and get the invite link
#[derive(Debug, Args)]
pub(crate) struct Claim {
    #[command(flatten)]
    agent: order::Agent,

    /// The conversation to join, in place of a new one
    #[arg(long, value_name = "URL", value_parser = order::join_url)]
    join: Option<agent_pool_core::wire::JoinUrl>,

    /// Wait so long for an instance where none is idle; first come, first served
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=300))]
    wait: u16,

    /// A word that makes it one claim, however often it is asked for within 24 hours
    #[arg(long, value_name = "KEY", value_parser = order::key)]
    idempotency_key: Option<String>,
}

impl Claim {
    pub(crate) async fn run(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        let mut request = self.agent.request(target).await?;
        request.join_url = self.join;
        let order = ClaimOrder {
            request,
            wait: self.wait,
            // So that it may be asked for again where the connection breaks.
            idempotency_key: Some(self.idempotency_key.unwrap_or_else(|| nanoid::nanoid!())),
        };
        let claimed = claim(out, target, &order).await?;
        let name = order.request.agent_name.as_ref().map(ToString::to_string);
        out.answer(&claimed, || told(name.as_deref(), &claimed))?;
        Ok(Exit::Done)
    }
}

async fn claim(out: Out, target: &Target, order: &ClaimOrder) -> Result<Claimed, Failure> {
    let bar = spinner("asking for an instance");
    let mut tries = 1;
    let outcome = loop {
        match target
            .pool
            .claim_stream(order, |update| show(out, &bar, &update))
            .await
        {
            Err(CallError::Broken { reason, .. }) if tries < TRIES => {
                tries += 1;
                bar.set_message(format!("the connection broke ({reason}): asking again"));
                sleep(AGAIN_AFTER).await;
            }
            outcome => break outcome,
        }
    };
    bar.finish_and_clear();
    outcome.map_err(|error| Failure::of_call("claim an agent", &error))
}

/// A step that is done, and what is being done next.
fn show(out: Out, bar: &ProgressBar, update: &ClaimUpdate) {
    match update {
        ClaimUpdate::Waiting(waiting) => bar.set_message(match waiting.position {
            1 => "none is idle: next in the queue".to_owned(),
            position => format!("none is idle: place {position} in the queue"),
        }),
        ClaimUpdate::Step(progress) => {
            let (done, next) = match progress.step {
                ClaimStep::Taken => ("taken", "setting its variables"),
                ClaimStep::Configured => ("configured", "giving it its instructions"),
                ClaimStep::Provisioned => ("provisioned", "recording it"),
                ClaimStep::Recorded => ("recorded", "done"),
            };
            let id = dim(progress.instance_id.as_str());
            bar.suspend(|| out.note(&format!("{} {done} {id}", good("✓"))));
            bar.set_message(next);
        }
    }
}

fn told(name: Option<&str>, claimed: &Claimed) -> String {
    let joined = if claimed.joined {
        "it has joined the conversation"
    } else {
        "open the link to talk to it"
    };
    format!(
        "{} is yours: {joined}\n\n  invite    {}\n  instance  {}",
        strong(name.unwrap_or("The agent")),
        strong(&claimed.invite_url),
        claimed.instance_id,
    )
}
