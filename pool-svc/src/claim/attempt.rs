//! A claim on one instance, and the fate of the instance if the claim fails.

use std::collections::HashSet;
use std::time::Duration;

use agent_pool_client::{CONFIGURE_WITHIN, CallError, HEALTH_WITHIN};
use agent_pool_core::wire::pool::{
    ClaimOutcome, ClaimRequest, ClaimStep, Claimed, PendingClaim, Status,
};
use agent_pool_core::wire::runtime::{ProvisionRequest, ProvisionStatus, Provisioned};
use agent_pool_core::wire::services::ConfigureRequest;
use agent_pool_core::wire::{AgentName, Instructions};
use agent_pool_core::{InstanceId, Secret, chain};
use agent_pool_service_kit::auth::Principal;
use agent_pool_service_kit::cipher::Cipher;
use agent_pool_service_kit::db::DbError;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use futures_util::future::join;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::context::{Claim, Claims};
use super::error::ClaimError;
use super::step::{Conversation, StepError, blank_variables, variables};
use super::verdict::{Fate, Link, Next, verdict};
use crate::app::App;
use crate::db::claim_keys::{self, Run};
use crate::db::claims::{self, NewAgent, Recorded, TakenInstance};
use crate::db::leases::Held;
use crate::db::{instances, pending, views};
use crate::lifecycle::{Cause, Move};
use crate::ops::settle;
use crate::runtime_keys::{self, KeyedCallError, try_each};

/// Pause before recording a claim is retried.
const RECORD_RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Time limit for a runtime to reset itself.
const RESET_WITHIN: Duration = Duration::from_secs(10);

/// Whether the instance may already have tools of the claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begun {
    Yes,
    No,
}

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
    pub(super) async fn run(&self) -> Result<ClaimOutcome, AttemptFailure> {
        let (agent, taken) = (self.provision_request(), self.taken);
        let app = &self.claim.shared.app;
        let key = taken.runtime_key.as_deref();
        let keys = runtime_keys::candidates_of(app, &taken.id, key, taken.maker);
        if let Err(error) = self.prepare(&agent, &keys).await {
            return Err(self.fail(error, Begun::No).await);
        }
        match self.become_agent(&agent, &keys).await {
            Ok(outcome) => Ok(outcome),
            Err(error) => Err(self.fail(error, Begun::Yes).await),
        }
    }

    /// Checks its health and sets its variables.
    async fn prepare(&self, agent: &ProvisionRequest, keys: &[Secret]) -> Result<(), StepError> {
        let (taken, app) = (self.taken, &self.claim.shared.app);
        let id = &taken.id;
        // The health check comes first, so that a dead instance delays the claim only briefly.
        let within = HEALTH_WITHIN.min(self.remaining());
        let health = |key: Secret| async move {
            let runtime = &app.runtime;
            runtime.health(&taken.url, &key, within).await
        };
        let health = try_each(id, keys, health).await;
        let health = health.map_err(|error| keyed(error, StepError::Unhealthy))?;
        if health.provisioned == Some(true) {
            return Err(StepError::Somebodys);
        }
        if !health.ready {
            return Err(StepError::NotReady);
        }
        if !taken.claim_tools.is_empty() && health.variables != Some(true) {
            return Err(StepError::TakesNoVariables);
        }
        let request = ConfigureRequest {
            variables: variables(agent),
            redeploy: false,
        };
        let services = &app.services;
        let configured = services.configure(id, &request, self.remaining());
        configured.await.map_err(StepError::Configure)?;
        self.claim.progress.step_done(ClaimStep::Configured, id);
        Ok(())
    }

    /// Provisions the runtime and makes the tools of the claim concurrently. Both are awaited even if one fails,
    /// because a call in flight cannot be undone.
    async fn become_agent(
        &self,
        agent: &ProvisionRequest,
        keys: &[Secret],
    ) -> Result<ClaimOutcome, StepError> {
        let (id, progress) = (&self.taken.id, &self.claim.progress);
        let (answer, tools) = join(self.provision(agent, keys), self.add_tools(keys)).await;
        // If both failed, report the provision: the client may be able to fix its request.
        let answer = answer?;
        tools?;
        if answer.status == Some(ProvisionStatus::PendingAcceptance) && agent.join_url.is_some() {
            return self.wait_for_acceptance(agent).await;
        }
        let conversation = Conversation::try_from(answer)?;
        progress.step_done(ClaimStep::Provisioned, id);
        let claimed = Claimed {
            invite_url: conversation.invite_url,
            conversation_id: conversation.id,
            instance_id: id.clone(),
            joined: conversation.joined,
        };
        self.record(agent, &claimed).await?;
        progress.step_done(ClaimStep::Recorded, id);
        Ok(ClaimOutcome::Claimed(claimed))
    }

    /// Tries each key again, because a runtime may answer health checks without checking the key.
    async fn provision(
        &self,
        agent: &ProvisionRequest,
        keys: &[Secret],
    ) -> Result<Provisioned, StepError> {
        let (taken, runtime) = (self.taken, &self.claim.shared.app.runtime);
        let within = self.remaining();
        let provision =
            |key: Secret| async move { runtime.provision(&taken.url, &key, agent, within).await };
        let answer = try_each(&taken.id, keys, provision).await;
        answer.map_err(|error| keyed(error, StepError::Provision))
    }

    /// Keeps the instance for its agent, which a person must still accept into the conversation.
    async fn wait_for_acceptance(
        &self,
        agent: &ProvisionRequest,
    ) -> Result<ClaimOutcome, StepError> {
        if agent.callback_url.is_none() {
            return Err(StepError::CannotWait);
        }
        let noted = retry_until(self.deadline, || self.try_to_wait(agent));
        let pending = noted.await??;
        Ok(ClaimOutcome::Pending(pending))
    }

    async fn try_to_wait(
        &self,
        agent: &ProvisionRequest,
    ) -> Result<Result<PendingClaim, StepError>, DbError> {
        let App { db, config, .. } = &self.claim.shared.app;
        let (cipher, id) = (&config.cipher, &self.taken.id);
        let wait = config.pool.pool_accept_timeout_ms.duration();
        let mut conn = db.conn().await?;
        conn.transaction(async |conn| {
            if let Some(run) = self.run
                && claim_keys::hold(conn, run).await? == Held::No
            {
                return Ok(Err(StepError::Superseded));
            }
            let ttl = self.claim.input.request.ttl_seconds;
            let Some(pending) = pending::begin(conn, cipher, id, agent, ttl, wait).await? else {
                return Ok(Err(StepError::Condemned));
            };
            if let Some(run) = self.run {
                let outcome = ClaimOutcome::Pending(pending.clone());
                claim_keys::answer(conn, cipher, run, &outcome).await?;
            }
            Ok(Ok(pending))
        })
        .await
    }

    async fn record(&self, request: &ProvisionRequest, claimed: &Claimed) -> Result<(), StepError> {
        let agent = NewAgent {
            id: self.taken.id.clone(),
            by: Principal::current(),
            request: request.clone(),
            ttl: self.claim.input.request.ttl_seconds,
            conversation_id: claimed.conversation_id.as_str().to_owned(),
            invite_url: claimed.invite_url.as_str().to_owned(),
        };
        // The conversation exists already, so a short database failure must not lose it: retry.
        let recorded = retry_until(self.deadline, || self.try_to_record(&agent, claimed));
        match recorded.await? {
            Recorded::Yes => Ok(()),
            Recorded::Lost => Err(StepError::Condemned),
            Recorded::Superseded => Err(StepError::Superseded),
        }
    }

    /// No other claim can have taken this instance. If it is claimed, an earlier try was recorded but its response was
    /// lost.
    async fn try_to_record(
        &self,
        agent: &NewAgent,
        claimed: &Claimed,
    ) -> Result<Recorded, DbError> {
        let Claims { app, recording, .. } = &self.claim.shared;
        let recorded = match self.run {
            None => {
                let record = |agents| record_together(app, agents);
                recording.submit(agent, record).await?
            }
            Some(run) => {
                let mut conn = app.db.conn().await?;
                record_with_key(&mut conn, &app.config.cipher, run, agent, claimed).await?
            }
        };
        if recorded == Recorded::Lost {
            let status = views::find_status(&mut *app.db.conn().await?, &agent.id).await?;
            if status == Some(Status::Claimed) {
                return Ok(Recorded::Yes);
            }
        }
        Ok(recorded)
    }

    /// The agent to provision. Runtimes require a name and instructions, so absent ones get defaults.
    fn provision_request(&self) -> ProvisionRequest {
        let ClaimRequest {
            agent_name,
            instructions,
            join_url,
            profile_image,
            metadata,
            pool: _,
            ttl_seconds: _,
        } = self.claim.input.request.clone();
        let agent_name = agent_name.unwrap_or_else(default_name);
        let given = instructions.filter(|text| !text.as_str().trim().is_empty());
        let (id, settings) = (&self.taken.id, &self.claim.shared.app.config.pool);
        let callback_url = settings.callback_url(id);
        ProvisionRequest {
            callback_url: callback_url.filter(|_| join_url.is_some()),
            tools_url: settings.tools_url(id),
            instructions: given.unwrap_or_else(|| default_instructions(&agent_name)),
            agent_name,
            join_url,
            profile_image,
            metadata,
        }
    }

    pub(super) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    async fn fail(&self, error: StepError, tools: Begun) -> AttemptFailure {
        let id = &self.taken.id;
        info!(instance.id = %id, error.chain = chain(&error), "the claim of instance {id} failed");
        let link = match self.claim.input.request.join_url {
            Some(_) => Link::Given,
            None => Link::Absent,
        };
        let (mut fate, next) = verdict(&error, link);
        if fate == Fate::GiveUp(Cause::UnhealthyAtClaim) && self.remaining().is_zero() {
            // The claim ran out of time, so the instance may still be healthy.
            fate = Fate::Release;
        }
        if fate == Fate::Clean {
            fate = self.clean().await;
        } else if fate == Fate::Release && tools == Begun::Yes {
            fate = self.release_tools().await;
        }
        if let Err(error) = settle(&self.claim.shared, id, fate, &error.reason()).await {
            let error = chain(&error);
            warn!(instance.id = %id, "instance {id} keeps its lease until it expires: {error}");
        }
        AttemptFailure {
            error: ClaimError::from_attempt(id, fate, next, error),
            next,
        }
    }
}

impl Attempt<'_> {
    /// Removes everything that the claim gave the instance, so that another claim may use it.
    async fn clean(&self) -> Fate {
        let id = &self.taken.id;
        match self.try_to_clean().await {
            Ok(()) => {
                info!(instance.id = %id, "instance {id} is reset");
                Fate::Release
            }
            Err(error) => {
                let error = chain(&error);
                info!(instance.id = %id, "instance {id} cannot be reset: {error}");
                Fate::GiveUp(Cause::ClaimFailed)
            }
        }
    }

    async fn try_to_clean(&self) -> Result<(), StepError> {
        let app = &self.claim.shared.app;
        let (id, url) = (&self.taken.id, &self.taken.url);
        let key = self.taken.runtime_key.as_deref();
        let keys = runtime_keys::candidates_of(app, id, key, self.taken.maker);
        // The runtime first, because it may not support a reset.
        let reset = |key: Secret| async move { app.runtime.reset(url, &key, RESET_WITHIN).await };
        let reset = try_each(id, &keys, reset).await;
        reset.map_err(|error| keyed(error, StepError::Provision))?;
        self.remove_tools().await?;
        let request = ConfigureRequest {
            variables: blank_variables(),
            redeploy: false,
        };
        let configured = app.services.configure(id, &request, CONFIGURE_WITHIN);
        configured.await.map_err(StepError::Configure)?;
        let is_ready = |key: Secret| async move {
            let runtime = &app.runtime;
            runtime.is_ready(url, &key, HEALTH_WITHIN).await
        };
        let ready = try_each(id, &keys, is_ready).await;
        match ready.map_err(|error| keyed(error, StepError::Unhealthy))? {
            true => Ok(()),
            false => Err(StepError::NotReady),
        }
    }
}

/// Repeats `attempt` while the database fails with transient errors, until `deadline`.
async fn retry_until<T, F>(deadline: Instant, attempt: impl Fn() -> F) -> Result<T, DbError>
where
    F: Future<Output = Result<T, DbError>>,
{
    loop {
        match attempt().await {
            Err(error) if error.is_transient() && Instant::now() < deadline => {
                warn!(
                    error.chain = chain(&error),
                    "retrying to record a claim: {error}"
                );
                sleep(RECORD_RETRY_PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

/// Records several claims in one statement.
async fn record_together(app: &App, agents: Vec<NewAgent>) -> Result<Vec<Recorded>, DbError> {
    let recorded = claims::record(&mut *app.db.conn().await?, &app.config.cipher, &agents).await?;
    let recorded: HashSet<_> = recorded.into_iter().collect();
    let outcome = |agent: &NewAgent| {
        if recorded.contains(&agent.id) {
            Recorded::Yes
        } else {
            Recorded::Lost
        }
    };
    Ok(agents.iter().map(outcome).collect())
}

/// Converts the failure of a runtime call: a refused key is its own error, everything else becomes `call`.
fn keyed(error: KeyedCallError, call: fn(CallError) -> StepError) -> StepError {
    match error {
        KeyedCallError::KeyRefused => StepError::KeyRefused,
        KeyedCallError::Call(error) => call(error),
    }
}

/// Records the claim and the answer for its key, both or neither.
async fn record_with_key(
    conn: &mut AsyncPgConnection,
    cipher: &Cipher,
    run: &Run,
    agent: &NewAgent,
    claimed: &Claimed,
) -> Result<Recorded, DbError> {
    conn.transaction(async |conn| {
        if claim_keys::hold(conn, run).await? == Held::No {
            return Ok(Recorded::Superseded);
        }
        let recorded = claims::record(conn, cipher, std::slice::from_ref(agent)).await?;
        if recorded.is_empty() {
            return Ok(Recorded::Lost);
        }
        let outcome = ClaimOutcome::Claimed(claimed.clone());
        claim_keys::answer(conn, cipher, run, &outcome).await?;
        Ok(Recorded::Yes)
    })
    .await
}

async fn settle(shared: &Claims, id: &InstanceId, fate: Fate, reason: &str) -> Result<(), DbError> {
    let Claims {
        app, destructions, ..
    } = shared;
    match fate {
        Fate::Release => {
            let causes = [(id.clone(), Cause::ClaimUndone)];
            let mut conn = app.db.conn().await?;
            let released = instances::mark(&mut conn, Move::RELEASE, &causes).await?;
            if released.is_empty() {
                drop(conn);
                settle::release_condemned(app, destructions, id).await?;
            } else {
                instances::notify_waiting_claims(&mut conn).await?;
            }
        }
        Fate::Keep => {
            let kept = claims::keep_found(&mut *app.db.conn().await?, id).await?;
            if !kept.is_empty() {
                warn!(instance.id = %id, "instance {id} was idle but its runtime already runs an agent: keeping it as claimed");
            }
        }
        Fate::GiveUp(cause) => {
            settle::give_up(app, Move::ABANDON_CLAIM, id, cause, reason).await?;
            destructions.start_pending().await;
        }
        // `clean` has already replaced this by one of the two above.
        Fate::Clean | Fate::Leave => {}
    }
    Ok(())
}

fn default_name() -> AgentName {
    let name = AgentName::try_from("Assistant".to_owned());
    name.expect("it is short and has no control characters")
}

fn default_instructions(name: &AgentName) -> Instructions {
    let text = format!(
        "You are {name}, a helpful assistant. Find out what the people in this conversation need, \
         answer briefly, and say so when you are not sure."
    );
    text.try_into().expect("a name is short and has no NUL")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn recording_is_retried_while_the_database_is_down_and_ends_at_the_deadline() {
        let started = Instant::now();
        let tries = Cell::new(0);
        let outcome = retry_until::<(), _>(started + Duration::from_secs(10), || {
            tries.set(tries.get() + 1);
            assert!(tries.get() < 1_000, "the retries never end");
            async { Err(DbError::Unreachable("gone".into())) }
        });
        assert!(matches!(outcome.await, Err(DbError::Unreachable(_))));
        assert_eq!(started.elapsed(), Duration::from_secs(10));
        assert_eq!(tries.get(), 51);
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_that_the_database_refuses_is_not_retried() {
        let tries = Cell::new(0);
        let outcome = retry_until::<(), _>(Instant::now() + Duration::from_secs(10), || {
            tries.set(tries.get() + 1);
            async { Err(DbError::Query(diesel::result::Error::NotFound)) }
        });
        assert!(matches!(outcome.await, Err(DbError::Query(_))));
        assert_eq!(tries.get(), 1);
    }
}
