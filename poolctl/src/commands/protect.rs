//! `poolctl protect` and `poolctl unprotect`.

use agent_pool_client::CallError;
use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::InstanceView;
use clap::Args;

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, during, good, list_of};

/// Instances to protect or unprotect
#[derive(Debug, Args)]
pub(crate) struct Protect {
    /// Instance ids
    #[arg(required = true, value_name = "ID")]
    ids: Vec<InstanceId>,
}

impl Protect {
    pub(crate) async fn protect(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        let ask = async |id: &InstanceId| target.pool.protect(id).await;
        self.run("protect", "protected", out, ask).await
    }

    pub(crate) async fn unprotect(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        let ask = async |id: &InstanceId| target.pool.unprotect(id).await;
        self.run("unprotect", "no longer protected", out, ask).await
    }

    /// Handles one after another, and stops at the first failure.
    async fn run(
        self,
        verb: &str,
        outcome: &str,
        out: Out,
        ask: impl AsyncFn(&InstanceId) -> Result<InstanceView, CallError>,
    ) -> Result<Exit, Failure> {
        let mut instances = Vec::new();
        for id in &self.ids {
            let answer = during("asking Pool", ask(id)).await;
            let answer =
                answer.map_err(|error| Failure::of_call(&format!("{verb} {id}"), &error))?;
            instances.push(answer);
        }
        out.answer(&instances, || {
            let are = if self.ids.len() == 1 { "is" } else { "are" };
            format!("{} {} {are} {outcome}", good("✓"), list_of(&self.ids))
        })?;
        Ok(Exit::Done)
    }
}
