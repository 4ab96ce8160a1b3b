//! `poolctl webhooks`.

use agent_pool_client::CallError;
use agent_pool_core::Secret;
use agent_pool_core::wire::pool::{
    CreatedWebhook, NewWebhook, WebhookDeliveries, WebhookDelivery, WebhookEndpoint, WebhookEvent,
    Webhooks as Listed,
};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, Table, cell, clock, during, good};

/// Manage webhooks
#[derive(Debug, Args)]
pub(crate) struct Webhooks {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List webhooks, the default
    List,
    /// Add a webhook and print its secret, which is not shown again
    Add {
        /// URL to send messages to
        // Another id, because --url is a global option.
        #[arg(id = "target", value_name = "URL", value_parser = secret)]
        url: Secret,
        /// Event to send; may be repeated; all events by default
        #[arg(long = "event", value_name = "EVENT")]
        events: Vec<WebhookEvent>,
    },
    /// Remove a webhook
    Remove {
        /// Webhook id
        id: String,
    },
    /// Send a test message
    Test {
        /// Webhook id
        id: String,
    },
    /// List deliveries, newest first
    Deliveries {
        /// Number of deliveries
        #[arg(long, short = 'n', value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
    },
    /// Send a message again
    Resend {
        /// Number of the delivery
        delivery: i64,
    },
}

/// A URL may contain a token.
fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

impl Webhooks {
    pub(crate) async fn run(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        let pool = &target.pool;
        match self.action.unwrap_or(Action::List) {
            Action::List => {
                let listed = ask("list the webhooks", pool.webhooks()).await?;
                out.answer(&listed, || endpoints(&listed))?;
            }
            Action::Add { url, events } => {
                let new = NewWebhook {
                    url,
                    events,
                    secret: None,
                };
                let created = ask("add the webhook", pool.add_webhook(&new)).await?;
                out.answer(&created, || added(&created))?;
            }
            Action::Remove { id } => {
                let removed = ask("remove the webhook", pool.remove_webhook(&id)).await?;
                out.answer(&removed, || format!("{} {} removed", good("✓"), id))?;
            }
            Action::Test { id } => {
                let queued = ask("test the webhook", pool.test_webhook(&id)).await?;
                out.answer(&queued, || "A test message is being sent.".to_owned())?;
            }
            Action::Deliveries { limit } => {
                let log = ask("list the deliveries", pool.webhook_deliveries(limit)).await?;
                out.answer(&log, || deliveries(&log, Utc::now()))?;
            }
            Action::Resend { delivery } => {
                let queued = ask("resend the message", pool.resend_webhook(delivery)).await?;
                out.answer(&queued, || "The message is being sent again.".to_owned())?;
            }
        }
        Ok(Exit::Done)
    }
}

async fn ask<T>(
    doing: &str,
    call: impl Future<Output = Result<T, CallError>>,
) -> Result<T, Failure> {
    let answer = during("asking Pool", call).await;
    answer.map_err(|error| Failure::of_call(doing, &error))
}

fn added(created: &CreatedWebhook) -> String {
    let secret = created.secret.as_ref().map_or("", Secret::expose);
    format!(
        "{} {} added\nsecret: {secret}",
        good("✓"),
        created.endpoint.id
    )
}

fn endpoints(listed: &Listed) -> String {
    if listed.endpoints.is_empty() {
        return "No webhooks.".to_owned();
    }
    let mut table = Table::new(&["WEBHOOK", "TARGET", "STATE", "PENDING", "EVENTS"]).keep(&[0]);
    for it in &listed.endpoints {
        let WebhookEndpoint {
            id,
            target,
            events,
            disabled_at,
            pending,
            ..
        } = it;
        let state = disabled_at.map_or("enabled", |_| "disabled");
        let events = match events.as_slice() {
            [] => "all".to_owned(),
            some => some.join(", "),
        };
        table.row([
            cell(id),
            cell(target),
            cell(state),
            cell(pending),
            cell(events),
        ]);
    }
    table.to_string()
}

fn deliveries(log: &WebhookDeliveries, now: DateTime<Utc>) -> String {
    if log.deliveries.is_empty() {
        return "No deliveries.".to_owned();
    }
    let head = [
        "DELIVERY", "TIME", "EVENT", "WEBHOOK", "ATTEMPTS", "OUTCOME",
    ];
    let mut table = Table::new(&head).keep(&[0, 1, 2, 3]);
    for it in &log.deliveries {
        table.row([
            cell(it.id),
            cell(clock(it.at, now)),
            cell(&it.event),
            cell(&it.endpoint_id),
            cell(it.attempts),
            cell(outcome(it)),
        ]);
    }
    table.to_string()
}

fn outcome(it: &WebhookDelivery) -> String {
    let error = it.error.as_deref().unwrap_or("not sent yet");
    match (it.delivered_at, it.next_attempt_at) {
        (Some(_), _) => "delivered".to_owned(),
        (None, Some(_)) => format!("due: {error}"),
        (None, None) => format!("given up: {error}"),
    }
}
