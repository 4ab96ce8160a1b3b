//! Parts of patches that wait for their turn in one environment are committed together.
//!
//! Railway takes one change of an environment at a time, and a patch may change any number of its services. So a burst
//! of creations in a shared environment takes a few commits, not one for each instance.

use std::time::Duration;

use agent_pool_core::{Context, ProviderError};
use serde_json::{Map, Value};
use tokio::sync::oneshot::error::TryRecvError;

use crate::handle::Handle;
use crate::infra::Railway;

/// How long a commit that has its turn waits for others. Instances that were created together come within milliseconds,
/// and who comes too late waits for a whole commit.
const GATHER: Duration = Duration::from_millis(10);

impl Railway {
    /// Commits the change of one service, together with those that wait for the same environment.
    ///
    /// If a shared commit fails, it is unknown which part is at fault, so each part is committed alone. If the commit
    /// took effect nevertheless, committing a part again changes nothing, and so deploys nothing.
    pub(crate) async fn commit(
        &self,
        cx: &Context,
        handle: &Handle,
        change: Value,
    ) -> Result<(), ProviderError> {
        let environment = &handle.environment;
        let mut committed = self.commits.add(handle, change.clone());
        let turn = tokio::select! {
            biased;
            Ok(()) = &mut committed => return Ok(()),
            turn = self.change_of(cx, environment) => turn?,
        };
        if turn.is_some() {
            cx.pause(GATHER).await?;
        }
        let shared = match committed.try_recv() {
            Ok(()) => return Ok(()),
            Err(TryRecvError::Closed) => Vec::new(),
            Err(TryRecvError::Empty) => self.commits.take(environment),
        };
        let own = (handle.service.to_string(), change);
        let parts = shared.iter();
        let mut parts: Map<String, Value> = parts
            .map(|part| (part.service.to_string(), part.change.clone()))
            .collect();
        parts.extend([own.clone()]);
        if parts.len() > 1 {
            let message = format!("agent-pool: deploy {} instances", parts.len());
            let asked = self.client.patch_commit(cx, environment, parts, &message);
            if asked.await.is_ok() {
                for part in shared {
                    // A cancelled caller does not receive it.
                    let _ = part.committed.send(());
                }
                return Ok(());
            }
        }
        drop(shared);
        let message = format!("agent-pool: deploy {}", handle.instance);
        let alone = Map::from_iter([own]);
        let asked = self.client.patch_commit(cx, environment, alone, &message);
        Ok(asked.await?)
    }
}
