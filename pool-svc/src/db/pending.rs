//! Instances whose agents wait to be accepted into a conversation.
//!
//! Such an instance stays `claiming`, already has the name of its agent, and has a lease that is never renewed: its
//! expiry is the deadline. They use `sql_query`, like all changes of a status.

use std::time::Duration;

use agent_pool_core::wire::pool::{ClaimOutcome, Claimed, PendingClaim, Status, Ttl};
use agent_pool_core::wire::runtime::{ProvisionRequest, ProvisionStatus};
use agent_pool_core::wire::{ConversationId, InviteUrl};
use agent_pool_core::{InstanceId, Secret};
use agent_pool_service_kit::cipher::Cipher;
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Binary, Double, Integer, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::claims::ttl_column;
use super::moves::{self, Moved, Rest};
use super::row::{corrupt, parse_id};
use super::schema::instances;
use super::sealed::Column;
use crate::lifecycle::{Cause, Move};

#[derive(Debug, QueryableByName)]
struct WaitingRow {
    #[diesel(sql_type = Timestamptz)]
    lease_expires_at: DateTime<Utc>,
}

/// Stores the agent and that it waits. `None` if the instance was condemned meanwhile.
pub(crate) async fn begin(
    conn: &mut AsyncPgConnection,
    cipher: &Cipher,
    id: &InstanceId,
    agent: &ProvisionRequest,
    ttl: Option<Ttl>,
    wait: Duration,
) -> Result<Option<PendingClaim>, DbError> {
    let status = Move::WAIT.from();
    let word = status.as_str();
    let cause = Cause::PendingAcceptance.as_str();
    let instructions = Secret::new(agent.instructions.as_str());
    let instructions = Column::INSTRUCTIONS.seal(cipher, id.as_str(), &instructions)?;
    let change = format!(
        "UPDATE instances
         SET lease_expires_at = now() + make_interval(secs => $4),
             agent_name = $5, instructions = $6, join_url_hash = $7, ttl_seconds = $8
         WHERE id = $3 AND status = '{word}'
         RETURNING id, name, url, pool, lease_expires_at, '{cause}' AS cause"
    );
    let rest = Rest {
        columns: "lease_expires_at",
        ..Rest::default()
    };
    let link = agent.join_url.as_ref();
    let link = link.map(|link| cipher.fingerprint(link.as_str()));
    let row: Option<WaitingRow> =
        moves::change_and(Some(status), Some(Move::WAIT.to()), &change, rest)
            .bind::<Text, _>(id.as_str())
            .bind::<Double, _>(wait.as_secs_f64())
            .bind::<Text, _>(agent.agent_name.as_str())
            .bind::<Text, _>(instructions)
            .bind::<Nullable<Binary>, _>(link)
            .bind::<Nullable<Integer>, _>(ttl_column(ttl))
            .get_result(conn)
            .await
            .optional()?;
    Ok(row.map(|row| pending(id.clone(), row.lease_expires_at)))
}

/// Records that the agent was accepted. `false` if the instance is not waiting.
pub(crate) async fn accept(
    conn: &mut AsyncPgConnection,
    cipher: &Cipher,
    id: &InstanceId,
    conversation: &ConversationId,
    invite: &InviteUrl,
) -> Result<bool, DbError> {
    let (from, to) = (Move::RECORD.from(), Move::RECORD.to());
    let (waiting, claimed) = (from.as_str(), to.as_str());
    let cause = Cause::Provisioned.as_str();
    let invite = Column::INVITE_URL.seal(cipher, id.as_str(), &Secret::new(invite.as_str()))?;
    let change = format!(
        "UPDATE instances
         SET status = '{claimed}', lease_expires_at = NULL, claimed_at = now(),
             last_healthy_at = now(), silent_since = NULL, conversation_id = $4, invite_url = $5
         WHERE id = $3 AND status = '{waiting}' AND agent_name IS NOT NULL
           AND lease_expires_at > now()
         RETURNING id, name, url, pool, '{cause}' AS cause"
    );
    let moved = moves::change(Some(from), Some(to), &change)
        .bind::<Text, _>(id.as_str())
        .bind::<Text, _>(conversation.as_str())
        .bind::<Text, _>(invite)
        .load::<Moved>(conn)
        .await?;
    Ok(!moved.is_empty())
}

/// An instance whose runtime calls back.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Whether its agent waits to be accepted.
    pub(crate) waits: bool,
    /// Whether it is in its conversation.
    pub(crate) claimed: bool,
    pub(crate) conversation_id: Option<String>,
    /// The key of its runtime, sealed.
    pub(crate) runtime_key: Option<String>,
}

/// The instance that calls back, if it exists.
pub(crate) async fn find_caller(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
) -> Result<Option<Caller>, DbError> {
    type Row = (String, bool, Option<String>, Option<String>);
    let row: Option<Row> = instances::table
        .find(id.as_str())
        .select((
            instances::status,
            instances::agent_name.is_not_null(),
            instances::conversation_id,
            instances::runtime_key,
        ))
        .first(conn)
        .await
        .optional()?;
    let caller = |(status, named, conversation_id, runtime_key): Row| Caller {
        waits: named && status == Status::Claiming.as_str(),
        claimed: status == Status::Claimed.as_str(),
        conversation_id,
        runtime_key,
    };
    Ok(row.map(caller))
}

/// The columns with the state of a claim.
#[derive(Debug, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = instances, check_for_backend(diesel::pg::Pg))]
pub(super) struct OutcomeRow {
    id: String,
    conversation_id: Option<String>,
    invite_url: Option<String>,
    lease_expires_at: Option<DateTime<Utc>>,
}

impl OutcomeRow {
    /// The claim of an instance that is claimed, or waits.
    pub(super) fn open(self, cipher: &Cipher) -> Result<ClaimOutcome, DbError> {
        let unfit = |problem: String| corrupt(&self.id, problem);
        // A claimed instance has no lease.
        if let Some(by) = self.lease_expires_at {
            return Ok(ClaimOutcome::Pending(pending(parse_id(self.id)?, by)));
        }
        let invite = self.invite_url.as_deref().unwrap_or_default();
        let invite = Column::INVITE_URL.open(cipher, &self.id, invite)?;
        let conversation = self.conversation_id.unwrap_or_default();
        Ok(ClaimOutcome::Claimed(Claimed {
            invite_url: invite.expose().to_owned().try_into().map_err(unfit)?,
            conversation_id: conversation.try_into().map_err(unfit)?,
            instance_id: parse_id(self.id.clone())?,
            joined: true,
        }))
    }
}

/// The state of the claim that waited with this instance; `None` if it was given up.
pub(crate) async fn find_outcome(
    conn: &mut AsyncPgConnection,
    cipher: &Cipher,
    id: &InstanceId,
) -> Result<Option<ClaimOutcome>, DbError> {
    let claimed = [Status::Claimed, Status::Crashed].map(Status::as_str);
    let waits = instances::status
        .eq(Status::Claiming.as_str())
        .and(instances::agent_name.is_not_null());
    let row: Option<OutcomeRow> = instances::table
        .find(id.as_str())
        .filter(instances::status.eq_any(claimed).or(waits))
        .select(OutcomeRow::as_select())
        .first(conn)
        .await
        .optional()?;
    row.map(|row| row.open(cipher)).transpose()
}

fn pending(instance_id: InstanceId, accept_by: DateTime<Utc>) -> PendingClaim {
    PendingClaim {
        status: ProvisionStatus::PendingAcceptance,
        instance_id,
        accept_by,
    }
}

#[cfg(test)]
mod tests {
    use agent_pool_service_kit::db::Conn;

    use super::*;
    use crate::db::test_database::{fresh_conn, run};
    use crate::db::{instances as moves_of_instances, leases};

    const MINUTE: Duration = Duration::from_mins(1);
    const HOUR: Duration = Duration::from_hours(1);

    async fn waiting(conn: &mut Conn) -> (InstanceId, PendingClaim) {
        let id = InstanceId::generate();
        let insert = format!(
            "INSERT INTO instances (id, name, status, url, lease_expires_at)
             VALUES ('{id}', 'x', 'claiming', 'http://h/', now() + interval '1 min')"
        );
        run(conn, &insert).await;
        let agent = serde_json::from_str(
            r#"{"agentName": "Tulip", "instructions": "x", "joinUrl": "https://chat/x"}"#,
        );
        let cipher = Cipher::read("KEY", None).unwrap();
        let begun = begin(conn, &cipher, &id, &agent.unwrap(), None, HOUR).await;
        (id, begun.unwrap().unwrap())
    }

    #[tokio::test]
    async fn the_deadline_is_not_renewed_and_is_no_lease_of_a_task() {
        let mut conn = fresh_conn().await;
        let (id, pending) = waiting(&mut conn).await;
        leases::renew(&mut conn, std::slice::from_ref(&id), MINUTE)
            .await
            .unwrap();
        let cipher = Cipher::read("KEY", None).unwrap();
        let outcome = find_outcome(&mut conn, &cipher, &id).await.unwrap();
        assert_eq!(outcome, Some(ClaimOutcome::Pending(pending)));

        let causes = [(id.clone(), Cause::Killed)];
        moves_of_instances::mark(&mut conn, Move::CONDEMN_CLAIMING, &causes)
            .await
            .unwrap();
        assert_eq!(find_outcome(&mut conn, &cipher, &id).await.unwrap(), None);
        let taken = leases::take_destroying(&mut conn, leases::Pending::Fresh, 9, MINUTE);
        let taken = taken.await.unwrap();
        assert!(
            taken.iter().map(|one| &one.id).eq([&id]),
            "it is destroyed at once"
        );
    }
}
