//! The tools of a claim. They are made while the runtime is provisioned, and given to it as soon as they are there.
//!
//! A claim that fails leaves none: an instance that goes back to idle gives them back first, and one that is destroyed
//! is destroyed with them.

use agent_pool_core::{Secret, chain};
use tracing::info;

use super::attempt::Attempt;
use super::step::StepError;
use super::verdict::Fate;
use crate::lifecycle::Cause;
use crate::ops::instance_tools::deliver;
use crate::runtime_keys::KeyedCallError;

impl Attempt<'_> {
    /// Makes the tools, if there are any, and gives the agent their variables.
    pub(super) async fn add_tools(&self, keys: &[Secret]) -> Result<(), StepError> {
        let (taken, app) = (self.taken, &self.claim.shared.app);
        if taken.claim_tools.is_empty() {
            return Ok(());
        }
        let (id, tools) = (&taken.id, &taken.claim_tools);
        let ensured = app.services.ensure_tools(id, tools, self.remaining()).await;
        let variables = ensured.map_err(StepError::AddTools)?.variables;
        let within = self.remaining();
        let delivered = deliver(app, id, &taken.url, keys, variables, within).await;
        delivered.map_err(|error| match error {
            KeyedCallError::KeyRefused => StepError::KeyRefused,
            KeyedCallError::Call(error) => StepError::Deliver(error),
        })
    }

    /// Takes the tools from an instance that is to be idle again. One that keeps any is given up.
    pub(super) async fn release_tools(&self) -> Fate {
        match self.remove_tools().await {
            Ok(()) => Fate::Release,
            Err(error) => {
                let (id, error) = (&self.taken.id, chain(&error));
                info!(instance.id = %id, "instance {id} keeps tools of its claim: {error}");
                Fate::GiveUp(Cause::ClaimFailed)
            }
        }
    }

    pub(super) async fn remove_tools(&self) -> Result<(), StepError> {
        let services = &self.claim.shared.app.services;
        for tool in &self.taken.claim_tools {
            let removed = services.remove_tool(&self.taken.id, tool).await;
            removed.map_err(StepError::RemoveTools)?;
        }
        Ok(())
    }
}
