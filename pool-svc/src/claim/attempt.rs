//! A claim on one instance, and what becomes of the instance when it fails.

use std::time::Duration;

use agent_pool_client::HEALTH_WITHIN;
use agent_pool_core::wire::pool::{ClaimRequest, ClaimStep, Claimed, Status};
use agent_pool_core::wire::runtime::ProvisionRequest;
use agent_pool_core::wire::services::ConfigureRequest;
use agent_pool_core::wire::{AgentName, Instructions};
use agent_pool_core::{InstanceId, chain};
use agent_pool_service_kit::db::DbError;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::context::{Claim, Claims};
use super::error::ClaimError;
use super::step::{Conversation, StepError, variables};
use super::verdict::{Fate, Next, verdict};
use crate::db::claim_keys::{self, Run};
use crate::db::instances::{self, Agent, Recorded, TakenInstance};
use crate::db::leases::Held;
use crate::db::views;
use crate::lifecycle::{Cause, Move};
use crate::ops::settle;

/// Pause before recording a claim is retried.
const RECORD_RETRY_PAUSE: Duration = Duration::from_millis(200);

/// A claim on one instance.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub(super) claim: &'a Claim,
    pub(super) taken: &'a TakenInstance,
    pub(super) deadline: Instant,
    /// The run of its idempotency key, to be answered in the transaction that records the claim.
    pub(super) run: Option<&'a Run>,
}

/// An attempt that failed.
pub(super) struct AttemptFailure {
    pub(super) error: ClaimError,
    pub(super) next: Next,
}

impl Attempt<'_> {
    pub(super) async fn run(&self) -> Result<Claimed, AttemptFailure> {
        match self.steps().await {
            Ok(claimed) => Ok(claimed),
            Err(error) => Err(self.fail(error).await),
        }
    }

    async fn steps(&self) -> Result<Claimed, StepError> {
        let Self { taken, .. } = self;
        let Claim {
            shared, progress, ..
        } = self.claim;
        let app = &shared.app;
        let id = &taken.id;
        let agent = self.provision_request();
        // Before anything is done to it, so that a dead instance costs the claim a moment and no more.
        let key = app.runtime_key();
        let within = HEALTH_WITHIN.min(self.remaining());
        match app.runtime.is_ready(&taken.url, key, within).await {
            Ok(true) => {}
            Ok(false) => return Err(StepError::NotReady),
            Err(error) => return Err(StepError::Unhealthy(error)),
        }
        let request = ConfigureRequest {
            variables: variables(&agent),
            redeploy: false,
        };
        let services = &app.services;
        let configured = services.configure(id, &request, self.remaining());
        configured.await.map_err(StepError::Configure)?;
        progress.step_done(ClaimStep::Configured, id);
        let runtime = &app.runtime;
        let answer = runtime.provision(&taken.url, key, &agent, self.remaining());
        let conversation = Conversation::try_from(answer.await.map_err(StepError::Provision)?)?;
        progress.step_done(ClaimStep::Provisioned, id);
        let claimed = Claimed {
            invite_url: conversation.invite_url,
            conversation_id: conversation.id,
            instance_id: id.clone(),
            joined: conversation.joined,
        };
        self.record(&agent, &claimed).await?;
        progress.step_done(ClaimStep::Recorded, id);
        Ok(claimed)
    }

    async fn record(&self, agent: &ProvisionRequest, claimed: &Claimed) -> Result<(), StepError> {
        loop {
            match self.try_to_record(agent, claimed).await {
                Ok(Recorded::Yes) => return Ok(()),
                Ok(Recorded::Lost) => return Err(StepError::Condemned),
                Ok(Recorded::Superseded) => return Err(StepError::Superseded),
                // The conversation exists: a database that fails for a moment must not cost it.
                Err(error) if error.is_transient() && !self.remaining().is_zero() => {
                    warn!(
                        error.chain = chain(&error),
                        "recording a claim is retried: {error}"
                    );
                    sleep(RECORD_RETRY_PAUSE).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// No other claim can have taken this instance: if it is claimed, an earlier try was recorded and its
    /// answer was lost.
    async fn try_to_record(
        &self,
        request: &ProvisionRequest,
        claimed: &Claimed,
    ) -> Result<Recorded, DbError> {
        let id = &self.taken.id;
        let agent = Agent {
            request,
            conversation_id: &claimed.conversation_id,
            invite_url: &claimed.invite_url,
        };
        let mut conn = self.claim.shared.app.db.conn().await?;
        let recorded = match self.run {
            None => instances::record_claim(&mut conn, id, agent).await?,
            Some(run) => record_with_key(&mut conn, run, agent, claimed).await?,
        };
        if recorded == Recorded::Lost
            && views::find_status(&mut conn, id).await? == Some(Status::Claimed)
        {
            return Ok(Recorded::Yes);
        }
        Ok(recorded)
    }

    /// The agent to provision. Runtimes refuse to be without a name and instructions, so defaults fill
    /// in for them.
    fn provision_request(&self) -> ProvisionRequest {
        let ClaimRequest {
            agent_name,
            instructions,
            join_url,
        } = self.claim.input.request.clone();
        let agent_name = agent_name.unwrap_or_else(|| self.taken.name.clone());
        let given = instructions.filter(|text| !text.as_str().trim().is_empty());
        ProvisionRequest {
            instructions: given.unwrap_or_else(|| default_instructions(&agent_name)),
            agent_name,
            join_url,
        }
    }

    fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    async fn fail(&self, error: StepError) -> AttemptFailure {
        let id = &self.taken.id;
        info!(instance.id = %id, error.chain = chain(&error), "the claim of instance {id} failed");
        let (mut fate, next) = verdict(&error);
        if fate == Fate::GiveUp(Cause::UnhealthyAtClaim) && self.remaining().is_zero() {
            // It may only have run out of time to answer.
            fate = Fate::Release;
        }
        if let Err(error) = settle(&self.claim.shared, id, fate).await {
            let error = chain(&error);
            warn!(instance.id = %id, "instance {id} keeps its lease until it expires: {error}");
        }
        AttemptFailure {
            error: ClaimError::from_attempt(id, fate, next, error),
            next,
        }
    }
}

/// Records the claim and the answer of its key, or neither.
async fn record_with_key(
    conn: &mut AsyncPgConnection,
    run: &Run,
    agent: Agent<'_>,
    claimed: &Claimed,
) -> Result<Recorded, DbError> {
    conn.transaction(async |conn| {
        if claim_keys::hold(conn, run).await? == Held::No {
            return Ok(Recorded::Superseded);
        }
        let recorded = instances::record_claim(conn, &claimed.instance_id, agent).await?;
        if recorded == Recorded::Yes {
            claim_keys::answer(conn, run, claimed).await?;
        }
        Ok(recorded)
    })
    .await
}

async fn settle(shared: &Claims, id: &InstanceId, fate: Fate) -> Result<(), DbError> {
    let Claims {
        app, destructions, ..
    } = shared;
    match fate {
        Fate::Release => {
            let causes = [(id.clone(), Cause::ClaimUndone)];
            let mut conn = app.db.conn().await?;
            if instances::mark(&mut conn, Move::RELEASE, &causes)
                .await?
                .is_empty()
            {
                drop(conn);
                settle::release_condemned(app, destructions, id).await?;
            }
        }
        Fate::GiveUp(cause) => {
            settle::give_up(app, Move::ABANDON_CLAIM, id, cause).await?;
            destructions.start_pending().await;
        }
        Fate::Leave => {}
    }
    Ok(())
}

fn default_instructions(name: &AgentName) -> Instructions {
    let text = format!(
        "You are {name}, a helpful assistant. Find out what the people in this conversation need, \
         answer briefly, and say so when you are not sure."
    );
    text.try_into().expect("a name is short and has no NUL")
}
