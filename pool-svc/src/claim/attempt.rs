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

use super::step::{Conversation, StepError, variables};
use super::verdict::{Fate, Next, verdict};
use super::{Claim, ClaimError};
use crate::app::App;
use crate::db::claim_keys::{self, Run};
use crate::db::instances::{self, Agent, Recorded, Taken};
use crate::db::leases::Held;
use crate::db::views;
use crate::lifecycle::{Cause, Move};
use crate::{destruction, settle};

/// How much longer than the claim's deadline nobody else may touch its instance: for the statement
/// that records it.
pub(super) const LEASE_BEYOND_DEADLINE: Duration = Duration::from_mins(1);

/// Pause before a claim is recorded again.
const RECORD_AGAIN: Duration = Duration::from_millis(200);

/// A claim on one instance.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub(super) claim: &'a Claim,
    pub(super) taken: &'a Taken,
    pub(super) deadline: Instant,
    /// What is to know of the success as well.
    pub(super) run: Option<&'a Run>,
}

/// An attempt that failed.
pub(super) struct Failed {
    pub(super) error: ClaimError,
    pub(super) next: Next,
}

impl Attempt<'_> {
    pub(super) async fn run(&self) -> Result<Claimed, Failed> {
        match self.steps().await {
            Ok(claimed) => Ok(claimed),
            Err(error) => Err(self.failed(error).await),
        }
    }

    async fn steps(&self) -> Result<Claimed, StepError> {
        let Self { taken, .. } = self;
        let Claim { app, progress, .. } = self.claim;
        let id = &taken.id;
        let told = self.told();
        // Before anything is done to it: a dead instance costs the claim a moment, and no more.
        let key = app.runtime_key();
        let within = HEALTH_WITHIN.min(self.remaining());
        match app.runtime.is_ready(&taken.url, key, within).await {
            Ok(true) => {}
            Ok(false) => return Err(StepError::NotReady),
            Err(error) => return Err(StepError::Unhealthy(error)),
        }
        let request = ConfigureRequest {
            variables: variables(&told),
            redeploy: false,
        };
        let services = &app.services;
        let configured = services.configure(id, &request, self.remaining());
        configured.await.map_err(StepError::Configure)?;
        progress.done(ClaimStep::Configured, id);
        let runtime = &app.runtime;
        let answer = runtime.provision(&taken.url, key, &told, self.remaining());
        let conversation = Conversation::try_from(answer.await.map_err(StepError::Provision)?)?;
        progress.done(ClaimStep::Provisioned, id);
        let claimed = Claimed {
            invite_url: conversation.invite_url,
            conversation_id: conversation.id,
            instance_id: id.clone(),
            joined: conversation.joined,
        };
        self.record(&told, &claimed).await?;
        progress.done(ClaimStep::Recorded, id);
        Ok(claimed)
    }

    async fn record(&self, told: &ProvisionRequest, claimed: &Claimed) -> Result<(), StepError> {
        loop {
            match self.try_to_record(told, claimed).await {
                Ok(Recorded::Yes) => return Ok(()),
                Ok(Recorded::Lost) => return Err(StepError::Condemned),
                Ok(Recorded::Superseded) => return Err(StepError::Superseded),
                // The conversation is there: a database that fails for a moment must not cost it.
                Err(error) if error.is_transient() && !self.remaining().is_zero() => {
                    warn!(
                        error.chain = chain(&error),
                        "a claim is recorded again: {error}"
                    );
                    sleep(RECORD_AGAIN).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Nobody else claims what this claim has taken: where it is claimed, an earlier try was recorded,
    /// and its answer was lost.
    async fn try_to_record(
        &self,
        told: &ProvisionRequest,
        claimed: &Claimed,
    ) -> Result<Recorded, DbError> {
        let id = &self.taken.id;
        let agent = Agent {
            told,
            conversation_id: &claimed.conversation_id,
            invite_url: &claimed.invite_url,
        };
        let mut conn = self.claim.app.db.conn().await?;
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

    /// What the agent is told, with a name and instructions of ours where the claim has none:
    /// runtimes refuse to be without.
    fn told(&self) -> ProvisionRequest {
        let ClaimRequest {
            agent_name,
            instructions,
            join_url,
        } = self.claim.order.request.clone();
        let agent_name = agent_name.unwrap_or_else(|| self.taken.name.clone());
        let given = instructions.filter(|text| !text.as_str().trim().is_empty());
        ProvisionRequest {
            instructions: given.unwrap_or_else(|| usual_instructions(&agent_name)),
            agent_name,
            join_url,
        }
    }

    fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    async fn failed(&self, error: StepError) -> Failed {
        let id = &self.taken.id;
        info!(instance.id = %id, error.chain = chain(&error), "the claim of instance {id} failed");
        let (mut fate, next) = verdict(&error);
        if fate == Fate::GiveUp(Cause::UnhealthyAtClaim) && self.remaining().is_zero() {
            // It may only have lacked the time to answer.
            fate = Fate::Release;
        }
        if let Err(error) = settle(&self.claim.app, id, fate).await {
            let error = chain(&error);
            warn!(instance.id = %id, "instance {id} waits for the end of its lease: {error}");
        }
        Failed {
            error: ClaimError::of(id, fate, next, error),
            next,
        }
    }
}

/// The instance is somebody's and the key has its answer, or neither.
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

async fn settle(app: &App, id: &InstanceId, fate: Fate) -> Result<(), DbError> {
    match fate {
        Fate::Release => {
            let causes = [(id.clone(), Cause::ClaimUndone)];
            let mut conn = app.db.conn().await?;
            if instances::mark(&mut conn, Move::RELEASE, &causes)
                .await?
                .is_empty()
            {
                drop(conn);
                settle::let_go(app, id).await?;
            }
        }
        Fate::GiveUp(cause) => {
            settle::give_up(app, Move::ABANDON_CLAIM, id, cause).await?;
            destruction::begin(app).await;
        }
        Fate::Leave => {}
    }
    Ok(())
}

fn usual_instructions(name: &AgentName) -> Instructions {
    let text = format!(
        "You are {name}, a helpful assistant. Find out what the people in this conversation need, \
         answer briefly, and say so when you are not sure."
    );
    text.try_into().expect("a name is short and has no NUL")
}
