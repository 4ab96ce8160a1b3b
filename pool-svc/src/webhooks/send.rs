//! One attempt to deliver a message.

use std::time::Duration;

use agent_pool_core::http::bare_builder;
use agent_pool_core::{chain, safe_line};
use agent_pool_service_kit::cipher::Cipher;
use chrono::Utc;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::redirect::Policy;

use super::signature::SigningKey;
use super::target::{CheckedResolver, Reach};
use crate::db::sealed::Column;
use crate::db::webhooks::DueDelivery;

/// Maximum characters of an error that are stored.
const LONGEST_ERROR: usize = 300;

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attempt {
    Delivered(u16),
    /// The endpoint unsubscribed: 410.
    Gone,
    Failed {
        status: Option<u16>,
        error: String,
    },
}

/// Sends messages. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    client: reqwest::Client,
    reach: Reach,
}

impl Sender {
    /// Connects directly, never through a proxy: a proxy would resolve names itself, and a name could resolve to an
    /// internal address.
    pub(super) fn new(reach: Reach, within: Duration) -> reqwest::Result<Self> {
        let client = bare_builder()
            .user_agent(concat!("agent-pool/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .redirect(Policy::none())
            .dns_resolver(CheckedResolver(reach))
            .timeout(within)
            .build()?;
        Ok(Self { client, reach })
    }

    pub(super) async fn attempt(&self, cipher: &Cipher, due: &DueDelivery) -> Attempt {
        match self.send(cipher, due).await {
            Ok(status @ 200..=299) => Attempt::Delivered(status),
            Ok(410) => Attempt::Gone,
            Ok(status) => Attempt::Failed {
                status: Some(status),
                error: match status {
                    300..=399 => format!("it answered {status}; redirects are not followed"),
                    _ => format!("it answered {status}"),
                },
            },
            Err(error) => Attempt::Failed {
                status: None,
                error: safe_line(&error, LONGEST_ERROR).into_owned(),
            },
        }
    }

    async fn send(&self, cipher: &Cipher, due: &DueDelivery) -> Result<u16, String> {
        let open = |column: Column, stored: &str| {
            let opened = column.open(cipher, &due.endpoint_id, stored);
            opened.map_err(|error| error.to_string())
        };
        let url = self.reach.parse(&open(Column::WEBHOOK_URL, &due.url)?);
        let url = url.map_err(|problem| format!("the URL {problem}"))?;
        let key = SigningKey::parse(&open(Column::WEBHOOK_SECRET, &due.secret)?);
        let key = key.map_err(|problem| format!("the secret cannot be used: {problem}"))?;
        let timestamp = Utc::now().timestamp();
        let mut signature = HeaderValue::try_from(key.sign(&due.message_id, timestamp, &due.body))
            .map_err(|error| error.to_string())?;
        signature.set_sensitive(true);
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &due.message_id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(due.body.clone());
        // Without its URL, which may contain a token.
        let answer = request
            .send()
            .await
            .map_err(|error| chain(&error.without_url()))?;
        Ok(answer.status().as_u16())
    }
}
