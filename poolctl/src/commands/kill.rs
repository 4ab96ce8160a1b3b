//! `poolctl kill` and `poolctl dismiss`.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::Condemned;
use clap::Args;

use super::until::{Standing, Wait};
use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, Yes, count_of, during, good, list_of};

/// Destroy instances
#[derive(Debug, Args)]
pub(crate) struct Condemn {
    /// Instance ids
    #[arg(required = true, value_name = "ID")]
    ids: Vec<InstanceId>,

    #[command(flatten)]
    yes: Yes,

    #[command(flatten)]
    wait: Wait,
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Kill,
    Dismiss,
}

impl Condemn {
    pub(crate) async fn kill(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        let which = list_of(&self.ids);
        self.yes.or_ask(&format!(
            "Destroy {which} and everything provisioned for it?"
        ))?;
        self.run(Act::Kill, out, target).await
    }

    pub(crate) async fn dismiss(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        let which = list_of(&self.ids);
        self.yes.or_ask(&format!(
            "Dismiss {which}? This destroys its remaining resources"
        ))?;
        self.run(Act::Dismiss, out, target).await
    }

    /// Handles one after another, and stops at the first failure.
    async fn run(self, act: Act, out: Out, target: &Target) -> Result<Exit, Failure> {
        let mut condemned: Vec<Condemned> = Vec::new();
        for id in &self.ids {
            let (word, outcome) = match act {
                Act::Kill => ("kill", during("asking Pool", target.pool.kill(id)).await),
                Act::Dismiss => (
                    "dismiss",
                    during("asking Pool", target.pool.dismiss(id)).await,
                ),
            };
            let doing = match condemned.len() {
                0 => format!("{word} {id}"),
                before => format!("{word} {id} (after {})", count_of(before, "other")),
            };
            condemned.push(outcome.map_err(|error| Failure::of_call(&doing, &error))?);
        }
        let waited = self
            .wait
            .until("destroying", &self.ids, target, Standing::gone)
            .await?;
        out.answer(&condemned, || {
            let which = list_of(&self.ids);
            match (waited, self.ids.len()) {
                (Some(_), _) => format!("{} {which} destroyed", good("✓")),
                (None, 1) => format!("{} {which} is being destroyed", good("✓")),
                (None, _) => format!("{} {which} are being destroyed", good("✓")),
            }
        })?;
        Ok(Exit::Done)
    }
}
