//! The tables of webhooks: endpoints, messages and deliveries.
//!
//! They are `sql_query`, because Diesel has no `SKIP LOCKED` inside an `UPDATE`, and cannot call our SQL functions.

use std::collections::BTreeSet;
use std::time::Duration;

use agent_pool_core::wire::pool::{WebhookDelivery, WebhookEndpoint, WebhookEvent};
use agent_pool_service_kit::cipher::Cipher;
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Bool, Double, Integer, Jsonb, Nullable, Text, Timestamptz};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use url::Url;

use super::prepared::Prepared;
use super::sealed::Column;

/// Raises an event: writes its message for every endpoint that subscribes to it. Call it in the transaction that stores
/// what happened, so that both are stored or neither, and only when a state begins (a budget is reached, a roll-out
/// stops); for states that are polled, [`note_state`] returns where they begin. `data` is the member `data` of the
/// message: at least `pool` and a `reason` in words, in `camelCase`, without secrets.
///
/// ```ignore
/// let data = json!({ "pool": plan.name, "reason": "spent $20.03 of $20/day" });
/// webhooks::raise(conn, WebhookEvent::BudgetReached, &data).await?;
/// ```
pub(crate) async fn raise(
    conn: &mut AsyncPgConnection,
    event: WebhookEvent,
    data: &Value,
) -> Result<(), DbError> {
    sql_query("SELECT raise_webhook($1, $2)")
        .bind::<Text, _>(event.as_str())
        .bind::<Jsonb, _>(data)
        .execute(conn)
        .await?;
    Ok(())
}

/// An endpoint to add; URL and secret are sealed.
pub(crate) struct NewEndpoint<'a> {
    pub(crate) id: &'a str,
    pub(crate) url: &'a str,
    pub(crate) secret: &'a str,
    pub(crate) events: &'a [WebhookEvent],
}

pub(crate) async fn insert_endpoint(
    conn: &mut AsyncPgConnection,
    new: &NewEndpoint<'_>,
) -> Result<(), DbError> {
    let events: Vec<_> = new.events.iter().map(|event| event.as_str()).collect();
    sql_query("INSERT INTO webhook_endpoints (id, url, secret, events) VALUES ($1, $2, $3, $4)")
        .bind::<Text, _>(new.id)
        .bind::<Text, _>(new.url)
        .bind::<Text, _>(new.secret)
        .bind::<Array<Text>, _>(events)
        .execute(conn)
        .await?;
    Ok(())
}

/// Deletes an endpoint and its deliveries. Returns whether it existed.
pub(crate) async fn delete_endpoint(
    conn: &mut AsyncPgConnection,
    id: &str,
) -> Result<bool, DbError> {
    let deleted = sql_query("DELETE FROM webhook_endpoints WHERE id = $1")
        .bind::<Text, _>(id)
        .execute(conn)
        .await?;
    cancel_deliveries(conn, id).await?;
    Ok(deleted > 0)
}

/// Disables an endpoint until it is added again.
pub(crate) async fn disable(conn: &mut AsyncPgConnection, id: &str) -> Result<(), DbError> {
    sql_query(
        "UPDATE webhook_endpoints SET disabled_at = now() WHERE id = $1 AND disabled_at IS NULL",
    )
    .bind::<Text, _>(id)
    .execute(conn)
    .await?;
    cancel_deliveries(conn, id).await
}

async fn cancel_deliveries(conn: &mut AsyncPgConnection, endpoint: &str) -> Result<(), DbError> {
    sql_query(
        "UPDATE webhook_deliveries SET due_at = NULL WHERE endpoint_id = $1 AND due_at IS NOT NULL",
    )
    .bind::<Text, _>(endpoint)
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct EndpointRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    url: String,
    #[diesel(sql_type = Array<Text>)]
    events: Vec<String>,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    disabled_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = BigInt)]
    pending: i64,
}

/// Every endpoint, oldest first.
pub(crate) async fn load_endpoints(
    conn: &mut AsyncPgConnection,
    cipher: &Cipher,
) -> Result<Vec<WebhookEndpoint>, DbError> {
    let rows: Vec<EndpointRow> = sql_query(
        "SELECT id, url, events, created_at, disabled_at,
                (SELECT count(*) FROM webhook_deliveries AS d
                 WHERE d.endpoint_id = e.id AND d.due_at IS NOT NULL) AS pending
         FROM webhook_endpoints AS e ORDER BY created_at, id",
    )
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|row| endpoint(row, cipher)).collect())
}

/// An endpoint whose URL cannot be decrypted is still listed, so that it can be deleted.
fn endpoint(row: EndpointRow, cipher: &Cipher) -> WebhookEndpoint {
    let url = Column::WEBHOOK_URL.open(cipher, &row.id, &row.url).ok();
    let url = url.and_then(|url| url.expose().parse::<Url>().ok());
    WebhookEndpoint {
        target: url.map_or_else(
            || "unreadable".to_owned(),
            |url| url.origin().ascii_serialization(),
        ),
        id: row.id,
        events: row.events,
        created_at: row.created_at,
        disabled_at: row.disabled_at,
        pending: u32::try_from(row.pending).unwrap_or(u32::MAX),
    }
}

/// The work to do.
#[derive(Debug)]
pub(crate) struct Found {
    /// Whether any endpoint exists.
    pub(crate) any: bool,
    /// The endpoints with due messages.
    pub(crate) due: Vec<String>,
}

#[derive(Debug, QueryableByName)]
struct FoundRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Bool)]
    due: bool,
}

/// The endpoints with due messages, except `busy` ones.
pub(crate) async fn find_due(
    conn: &mut AsyncPgConnection,
    busy: &[String],
) -> Result<Found, DbError> {
    let rows: Vec<FoundRow> = Prepared(
        sql_query(
            "SELECT id, id <> ALL ($1) AND EXISTS (
                 SELECT FROM webhook_deliveries AS d WHERE d.endpoint_id = e.id AND d.due_at <= now()) AS due
             FROM webhook_endpoints AS e WHERE disabled_at IS NULL",
        )
        .bind::<Array<Text>, _>(busy.to_vec()),
    )
    .load(conn)
    .await?;
    Ok(Found {
        any: !rows.is_empty(),
        due: rows
            .into_iter()
            .filter(|row| row.due)
            .map(|row| row.id)
            .collect(),
    })
}

/// A message to send, with what it needs, still sealed.
// Without Debug: URL and secret are in the clear if POOL_ENCRYPTION_KEY is not set.
#[derive(QueryableByName)]
pub(crate) struct DueDelivery {
    #[diesel(sql_type = BigInt)]
    pub(crate) id: i64,
    #[diesel(sql_type = Text)]
    pub(crate) message_id: String,
    #[diesel(sql_type = Text)]
    pub(crate) endpoint_id: String,
    #[diesel(sql_type = Text)]
    pub(crate) url: String,
    #[diesel(sql_type = Text)]
    pub(crate) secret: String,
    #[diesel(sql_type = Text)]
    pub(crate) body: String,
    #[diesel(sql_type = Integer)]
    attempts: i32,
}

impl DueDelivery {
    /// Number of attempts, including the one to be made.
    pub(crate) fn attempts(&self) -> u32 {
        u32::try_from(self.attempts).unwrap_or_default()
    }
}

/// Takes the due messages of an endpoint for the time `lease`: after that another replica may send them.
pub(crate) async fn take_due(
    conn: &mut AsyncPgConnection,
    endpoint: &str,
    count: u16,
    lease: Duration,
) -> Result<Vec<DueDelivery>, DbError> {
    let rows: Vec<DueDelivery> = sql_query(
        "UPDATE webhook_deliveries AS d
         SET attempts = attempts + 1, attempted_at = now(), due_at = now() + make_interval(secs => $3)
         FROM webhook_messages AS m, webhook_endpoints AS e
         WHERE d.id = ANY (ARRAY (
                   SELECT id FROM webhook_deliveries WHERE endpoint_id = $1 AND due_at <= now()
                   ORDER BY due_at, id LIMIT $2 FOR UPDATE SKIP LOCKED))
           AND m.id = d.message_id AND e.id = d.endpoint_id AND e.disabled_at IS NULL
         RETURNING d.id, d.message_id, d.endpoint_id, e.url, e.secret, m.body, d.attempts",
    )
    .bind::<Text, _>(endpoint)
    .bind::<BigInt, _>(i64::from(count))
    .bind::<Double, _>(lease.as_secs_f64())
    .load(conn)
    .await?;
    Ok(rows)
}

/// How an attempt ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Delivered {
        status: u16,
    },
    /// Send again after a pause.
    Again {
        pause: Duration,
        status: Option<u16>,
        error: String,
    },
    GivenUp {
        status: Option<u16>,
        error: String,
    },
}

/// Records how an attempt ended. A delivered message stays delivered: a slow attempt may end after another one.
pub(crate) async fn record(
    conn: &mut AsyncPgConnection,
    id: i64,
    outcome: &Outcome,
) -> Result<(), DbError> {
    let (delivered, pause, status, error) = match outcome {
        Outcome::Delivered { status } => (true, None, Some(*status), None),
        Outcome::Again {
            pause,
            status,
            error,
        } => (false, Some(pause.as_secs_f64()), *status, Some(error)),
        Outcome::GivenUp { status, error } => (false, None, *status, Some(error)),
    };
    sql_query(
        "UPDATE webhook_deliveries
         SET delivered_at = CASE WHEN $2 THEN now() END, due_at = now() + make_interval(secs => $3),
             status = $4, error = $5
         WHERE id = $1 AND delivered_at IS NULL",
    )
    .bind::<BigInt, _>(id)
    .bind::<Bool, _>(delivered)
    .bind::<Nullable<Double>, _>(pause)
    .bind::<Nullable<Integer>, _>(status.map(i32::from))
    .bind::<Nullable<Text>, _>(error)
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(Debug, QueryableByName)]
struct DeliveryRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    message_id: String,
    #[diesel(sql_type = Text)]
    endpoint_id: String,
    #[diesel(sql_type = Text)]
    event: String,
    #[diesel(sql_type = Timestamptz)]
    at: DateTime<Utc>,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = Nullable<Integer>)]
    status: Option<i32>,
    #[diesel(sql_type = Nullable<Text>)]
    error: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    delivered_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    due_at: Option<DateTime<Utc>>,
}

/// The log of deliveries, newest first.
pub(crate) async fn load_deliveries(
    conn: &mut AsyncPgConnection,
    limit: u16,
    before: Option<i64>,
) -> Result<Vec<WebhookDelivery>, DbError> {
    let rows: Vec<DeliveryRow> = sql_query(
        "SELECT d.id, message_id, endpoint_id, event, at, attempts, status, error, delivered_at, due_at
         FROM webhook_deliveries AS d JOIN webhook_messages AS m ON m.id = message_id
         WHERE d.id < $1 ORDER BY d.id DESC LIMIT $2",
    )
    .bind::<BigInt, _>(before.unwrap_or(i64::MAX))
    .bind::<BigInt, _>(i64::from(limit))
    .load(conn)
    .await?;
    let delivery = |row: DeliveryRow| WebhookDelivery {
        id: row.id,
        message_id: row.message_id,
        endpoint_id: row.endpoint_id,
        event: row.event,
        at: row.at,
        attempts: u32::try_from(row.attempts).unwrap_or_default(),
        status: row.status.and_then(|status| u16::try_from(status).ok()),
        error: row.error,
        delivered_at: row.delivered_at,
        next_attempt_at: row.due_at,
    };
    Ok(rows.into_iter().map(delivery).collect())
}

/// Queues a message again, with the same id and body. Returns the number of deliveries.
pub(crate) async fn resend(conn: &mut AsyncPgConnection, id: i64) -> Result<usize, DbError> {
    let queued = sql_query(
        "UPDATE webhook_deliveries AS d SET due_at = now(), attempts = 0, delivered_at = NULL, error = NULL
         FROM webhook_endpoints AS e
         WHERE d.id = $1 AND e.id = d.endpoint_id AND e.disabled_at IS NULL",
    )
    .bind::<BigInt, _>(id)
    .execute(conn)
    .await?;
    Ok(queued)
}

/// Queues a test message to one endpoint, whatever events it subscribes to.
pub(crate) async fn raise_test(
    conn: &mut AsyncPgConnection,
    endpoint: &str,
) -> Result<usize, DbError> {
    let event = WebhookEvent::Test.as_str();
    let queued = sql_query(format!(
        "WITH message AS (
             INSERT INTO webhook_messages (id, event, body)
             SELECT 'msg_' || replace(gen_random_uuid()::text, '-', ''), '{event}',
                    json_build_object('type', '{event}', 'timestamp',
                        to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'),
                        'data', json_build_object('endpointId', id))::text
             FROM webhook_endpoints WHERE id = $1 AND disabled_at IS NULL
             RETURNING id)
         INSERT INTO webhook_deliveries (message_id, endpoint_id) SELECT id, $1 FROM message"
    ))
    .bind::<Text, _>(endpoint)
    .execute(conn)
    .await?;
    Ok(queued)
}

#[derive(Debug, QueryableByName)]
struct PoolRow {
    #[diesel(sql_type = Text)]
    pool: String,
}

/// Stores for which pools a polled state holds. Returns those for which it begins. It ends for all others, including
/// deleted pools.
pub(crate) async fn note_state(
    conn: &mut AsyncPgConnection,
    event: WebhookEvent,
    holding: &[&str],
) -> Result<BTreeSet<String>, DbError> {
    // Diesel has no INSERT after a DELETE in one statement.
    let rows: Vec<PoolRow> = sql_query(
        "WITH ended AS (
             DELETE FROM webhook_conditions
             WHERE starts_with(name, $1 || ' ') AND substr(name, length($1) + 2) <> ALL ($2))
         INSERT INTO webhook_conditions (name) SELECT $1 || ' ' || pool FROM unnest($2) AS pool
         ON CONFLICT DO NOTHING RETURNING substr(name, length($1) + 2) AS pool",
    )
    .bind::<Text, _>(event.as_str())
    .bind::<Array<Text>, _>(holding)
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.pool).collect())
}

/// The pools that have an idle instance.
pub(crate) async fn load_stocked_pools(
    conn: &mut AsyncPgConnection,
) -> Result<BTreeSet<String>, DbError> {
    let query = sql_query("SELECT DISTINCT pool FROM instances WHERE status = 'idle'");
    let rows: Vec<PoolRow> = Prepared(query).load(conn).await?;
    Ok(rows.into_iter().map(|row| row.pool).collect())
}

/// Deletes messages that are older than `days` and have no due delivery.
pub(crate) async fn prune(conn: &mut AsyncPgConnection, days: u16) -> Result<(), DbError> {
    sql_query(
        "DELETE FROM webhook_messages AS m
         WHERE at < now() - make_interval(days => $1) AND NOT EXISTS (
             SELECT FROM webhook_deliveries AS d WHERE d.message_id = m.id AND d.due_at IS NOT NULL)",
    )
    .bind::<Integer, _>(i32::from(days))
    .execute(conn)
    .await?;
    Ok(())
}
