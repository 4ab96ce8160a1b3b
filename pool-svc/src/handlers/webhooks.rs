//! Webhooks: endpoints, the log of deliveries, and resending.

use agent_pool_core::Secret;
use agent_pool_core::wire::pool::{
    CreatedWebhook, NewWebhook, WebhookDeliveries, WebhookEndpoint, WebhookEvent, Webhooks,
    WebhooksQueued,
};
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_service_kit::cipher::CipherError;
use agent_pool_service_kit::db::DbError;
use chrono::Utc;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::app::App;
use crate::db::sealed::Column;
use crate::db::webhooks::{self, NewEndpoint};
use crate::problem::from_database;
use crate::webhooks::signature::{self, SigningKey};
use crate::webhooks::target::Reach;

/// Maximum number of endpoints: each event is sent to all of them.
const MOST_ENDPOINTS: usize = 50;
/// Length of an id in characters.
const ID_LENGTH: usize = 16;

/// `GET /api/pool/webhooks`
pub(crate) async fn list(app: App) -> Result<Webhooks, Problem> {
    let endpoints = load(&app).await.map_err(from_database)?;
    Ok(Webhooks { endpoints })
}

async fn load(app: &App) -> Result<Vec<WebhookEndpoint>, DbError> {
    webhooks::load_endpoints(&mut *app.db.conn().await?, &app.config.cipher).await
}

/// `POST /api/pool/webhooks`
pub(crate) async fn add(new: NewWebhook, app: App) -> Result<CreatedWebhook, Problem> {
    let reach = if app.config.pool.pool_webhook_private_targets {
        Reach::Anywhere
    } else {
        Reach::Public
    };
    let url = reach
        .parse(&new.url)
        .map_err(|problem| invalid("url", &problem))?;
    let secret = new.secret.unwrap_or_else(signature::generate);
    SigningKey::parse(&secret).map_err(|problem| invalid("secret", problem))?;
    if load(&app).await.map_err(from_database)?.len() >= MOST_ENDPOINTS {
        let problem = format!("there are already {MOST_ENDPOINTS} webhooks: remove one first");
        return Err(invalid("url", &problem));
    }
    let id = format!(
        "ep_{}",
        nanoid::nanoid!(ID_LENGTH, &nanoid::alphabet::SAFE[2..])
    );
    insert(&app, &id, &new.url, &secret, &new.events)
        .await
        .map_err(from_database)?;
    Ok(CreatedWebhook {
        endpoint: WebhookEndpoint {
            id,
            target: url.origin().ascii_serialization(),
            events: words(&new.events),
            created_at: Utc::now(),
            disabled_at: None,
            pending: 0,
        },
        secret: Some(secret),
    })
}

fn invalid(field: &str, problem: &str) -> Problem {
    let detail = format!("{field} {problem}");
    Problem::new(ProblemCode::InvalidField, detail).with_field(field)
}

fn words(events: &[WebhookEvent]) -> Vec<String> {
    events
        .iter()
        .map(|event| event.as_str().to_owned())
        .collect()
}

async fn insert(
    app: &App,
    id: &str,
    url: &Secret,
    secret: &Secret,
    events: &[WebhookEvent],
) -> Result<(), DbError> {
    let seal = |column: Column, text| -> Result<String, CipherError> {
        column.seal(&app.config.cipher, id, text)
    };
    let new = NewEndpoint {
        id,
        url: &seal(Column::WEBHOOK_URL, url)?,
        secret: &seal(Column::WEBHOOK_SECRET, secret)?,
        events,
    };
    webhooks::insert_endpoint(&mut *app.db.conn().await?, &new).await
}

/// `DELETE /api/pool/webhooks/:id`
pub(crate) async fn remove(id: String, app: App) -> Result<WebhooksQueued, Problem> {
    let delete = async || webhooks::delete_endpoint(&mut *app.db.conn().await?, &id).await;
    if delete().await.map_err(from_database)? {
        Ok(WebhooksQueued { queued: 0 })
    } else {
        Err(unknown())
    }
}

/// `POST /api/pool/webhooks/:id/test`
pub(crate) async fn test(id: String, app: App) -> Result<WebhooksQueued, Problem> {
    let raise = async || webhooks::raise_test(&mut *app.db.conn().await?, &id).await;
    queued(raise().await)
}

/// A page of the log.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct DeliveriesQuery {
    /// How many deliveries, at most 1000.
    #[serde(default = "default_limit")]
    limit: u16,
    /// Only deliveries older than the one with this `id`.
    before: Option<i64>,
}

const fn default_limit() -> u16 {
    100
}

/// Maximum number of deliveries in one answer.
const MOST_DELIVERIES: u16 = 1_000;

/// `GET /api/pool/webhook-deliveries`
pub(crate) async fn deliveries(
    query: DeliveriesQuery,
    app: App,
) -> Result<WebhookDeliveries, Problem> {
    let limit = query.limit.min(MOST_DELIVERIES);
    let load =
        async || webhooks::load_deliveries(&mut *app.db.conn().await?, limit, query.before).await;
    let deliveries = load().await.map_err(from_database)?;
    Ok(WebhookDeliveries { deliveries })
}

/// `POST /api/pool/webhook-deliveries/:id/resend`
pub(crate) async fn resend(id: String, app: App) -> Result<WebhooksQueued, Problem> {
    let id: i64 = id.parse().map_err(|_| unknown())?;
    let resend = async || webhooks::resend(&mut *app.db.conn().await?, id).await;
    queued(resend().await)
}

fn queued(count: Result<usize, DbError>) -> Result<WebhooksQueued, Problem> {
    match count.map_err(from_database)? {
        0 => Err(unknown()),
        count => Ok(WebhooksQueued {
            queued: u32::try_from(count).unwrap_or(u32::MAX),
        }),
    }
}

fn unknown() -> Problem {
    let detail = "there is no such webhook or delivery, or its endpoint is disabled";
    Problem::new(ProblemCode::UnknownWebhook, detail)
}
