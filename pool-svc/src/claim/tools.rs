//! The tools of a claim. They are created while the runtime is provisioned, and delivered to it as soon as they exist.
//!
//! A failed claim leaves none: they are released before the instance becomes idle again, or destroyed with it.

use agent_pool_core::{Secret, chain};
use tracing::info;

use super::attempt::Attempt;
use super::step::StepError;
use super::verdict::Fate;
use crate::lifecycle::Cause;
use crate::ops::instance_tools::{deliver, note_end, note_prices};
use crate::runtime_keys::KeyedCallError;

impl Attempt<'_> {
    /// Makes the tools, if any, and delivers their variables to the runtime.
    pub(super) async fn add_tools(&self, keys: &[Secret]) -> Result<(), StepError> {
        let (taken, app) = (self.taken, &self.claim.shared.app);
        if taken.claim_tools.is_empty() {
            return Ok(());
        }
        let (id, tools) = (&taken.id, &taken.claim_tools);
        let ensured = app.services.ensure_tools(id, tools, self.remaining()).await;
        let ensured = ensured.map_err(StepError::AddTools)?;
        note_prices(app, id, &ensured.prices).await;
        let variables = ensured.variables;
        let within = self.remaining();
        let delivered = deliver(app, id, &taken.url, keys, variables, within).await;
        delivered.map_err(|error| match error {
            KeyedCallError::KeyRefused => StepError::KeyRefused,
            KeyedCallError::Call(error) => StepError::Deliver(error),
        })
    }

    /// Releases the tools of an instance before it becomes idle again. If that fails, the instance is given up.
    pub(super) async fn release_tools(&self) -> Fate {
        match self.remove_tools().await {
            Ok(()) => Fate::Release,
            Err(error) => {
                let (id, error) = (&self.taken.id, chain(&error));
                info!(instance.id = %id, "the tools of the claim on instance {id} could not be released: {error}");
                Fate::GiveUp(Cause::ClaimFailed)
            }
        }
    }

    pub(super) async fn remove_tools(&self) -> Result<(), StepError> {
        let (app, id) = (&self.claim.shared.app, &self.taken.id);
        for tool in &self.taken.claim_tools {
            let removed = app.services.remove_tool(id, tool).await;
            removed.map_err(StepError::RemoveTools)?;
            note_end(app, id, tool).await;
        }
        Ok(())
    }
}
