//! The end of a pending claim: the runtime reports whether its agent was accepted into the conversation.

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_core::wire::runtime::{Acceptance, Provisioned};
use agent_pool_core::{InstanceId, Secret, chain};
use agent_pool_service_kit::auth::{ApiKeys, Presented};
use agent_pool_service_kit::db::DbError;
use tracing::info;

use super::context::Claims;
use super::step::Conversation;
use crate::app::App;
use crate::db::pending::{self, Caller};
use crate::lifecycle::{Cause, Move};
use crate::ops::settle;
use crate::problem::from_database;
use crate::runtime_keys;

impl Claims {
    /// Accepts a call of the runtime of this instance, which must present its own key.
    ///
    /// # Errors
    /// 401 for a wrong key, and for an instance that does not exist, so that a caller without a key learns nothing.
    pub(crate) async fn verify_runtime(
        &self,
        id: &InstanceId,
        presented: &Presented,
    ) -> Result<Caller, Problem> {
        presented.may_present()?;
        let find = async || pending::find_caller(&mut *self.app.db.conn().await?, id).await;
        let caller = find().await.map_err(from_database)?;
        presented.verify(&keys_of(&self.app, id, caller.as_ref()))?;
        caller.ok_or_else(|| not_pending(id))
    }

    /// Ends the claim. Idempotent.
    ///
    /// # Errors
    /// 400 for an answer without a conversation, 409 `not_pending` if the instance is not waiting.
    pub(crate) async fn end_waiting(
        &self,
        id: &InstanceId,
        caller: &Caller,
        acceptance: Acceptance,
    ) -> Result<(), Problem> {
        if let Some(code) = acceptance.code {
            if !caller.waits {
                return Err(not_pending(id));
            }
            info!(instance.id = %id, "the agent of instance {id} was not accepted into its conversation: {code}");
            let (step, cause, reason) = (Move::ABANDON_CLAIM, Cause::NotAccepted, code.to_string());
            let given_up = settle::give_up(&self.app, step, id, cause, &reason);
            given_up.await.map_err(from_database)?;
            self.destructions.start_pending().await;
            return Ok(());
        }
        let answer = Provisioned {
            conversation_id: acceptance.conversation_id,
            invite_url: acceptance.invite_url,
            joined: acceptance.joined,
            status: None,
        };
        let conversation = Conversation::try_from(answer)
            .map_err(|error| Problem::new(ProblemCode::InvalidField, chain(&error)))?;
        if self
            .accept(id, &conversation)
            .await
            .map_err(from_database)?
        {
            info!(instance.id = %id, "the agent of instance {id} was accepted into its conversation");
            return Ok(());
        }
        let repeated =
            caller.claimed && caller.conversation_id.as_deref() == Some(conversation.id.as_str());
        if repeated {
            Ok(())
        } else {
            Err(not_pending(id))
        }
    }

    async fn accept(&self, id: &InstanceId, to: &Conversation) -> Result<bool, DbError> {
        let App { db, config, .. } = &self.app;
        let mut conn = db.conn().await?;
        pending::accept(&mut conn, &config.cipher, id, &to.id, &to.invite_url).await
    }
}

fn keys_of(app: &App, id: &InstanceId, caller: Option<&Caller>) -> ApiKeys {
    match caller {
        // It was made before instances had keys of their own.
        Some(Caller {
            runtime_key: None, ..
        }) => app.config.http.pool_api_key.clone(),
        Some(Caller {
            runtime_key: Some(sealed),
            ..
        }) => {
            let key = runtime_keys::own_key(app, id, sealed);
            ApiKeys::single(
                runtime_keys::principal_name(id),
                key.unwrap_or_else(nobodys_key),
            )
        }
        None => ApiKeys::single("nobody".to_owned(), nobodys_key()),
    }
}

/// A key that no caller has.
fn nobodys_key() -> Secret {
    let halves = [InstanceId::generate(), InstanceId::generate()];
    Secret::new(halves.map(String::from).concat())
}

fn not_pending(id: &InstanceId) -> Problem {
    let detail = format!("instance {id} is not waiting to be accepted into a conversation");
    Problem::new(ProblemCode::NotPending, detail)
}
