//! GraphQL over the kit: one function from an operation to typed data.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use agent_pool_core::http::VendorHttp;
use agent_pool_core::layer::Rate;
use agent_pool_core::settings::SettingsError;
use agent_pool_core::{Context, ErrorKind, ProviderError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{self, Failure, Refusals};
use crate::operations::Operation;
use crate::settings::{RailwaySettings, TokenKind};

/// A client of Railway's API with the token of the settings.
#[derive(Debug)]
pub(crate) struct Client {
    http: VendorHttp,
    pace: Option<Rate>,
    pub(crate) page_size: NonZeroU32,
}

/// Identifies us in the query string. Railway's edge counts requests without it, and blocks an address that sends
/// more than about 10 a second.
const SOURCE: (&str, &str) = ("source", "agent-pool");

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    operation_name: &'static str,
    query: &'static str,
    variables: &'a Value,
}

/// The data of an operation: its one root field.
#[derive(Deserialize)]
struct Answer<T> {
    data: HashMap<String, T>,
}

impl Client {
    /// A client that sends the token in the header of its kind.
    ///
    /// # Errors
    /// When the token cannot be sent in a header.
    pub(crate) fn new(settings: &RailwaySettings) -> Result<Self, SettingsError> {
        let http = VendorHttp::new(settings.api_url.clone()).faults(error::fault);
        let (token, variable) = (&settings.api_token, RailwaySettings::TOKEN);
        let http = match settings.token_kind {
            TokenKind::Account | TokenKind::Workspace => http.bearer(token, variable),
            TokenKind::Project => http.key_header("project-access-token", token, variable),
        };
        Ok(Self {
            http: http?,
            pace: settings
                .requests_per_second()
                .map(|count| Rate::new(count, Duration::from_secs(1))),
            page_size: settings.page_size,
        })
    }

    /// Sends one operation and reads its root field. The error names the operation.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        cx: &Context,
        operation: &Operation,
        variables: Value,
    ) -> Result<T, Failure> {
        self.answer(cx, operation, &variables)
            .await
            .map_err(|failure| Failure {
                error: failure.error.at("railway", operation.name, None),
                ..failure
            })
    }

    async fn answer<T: DeserializeOwned>(
        &self,
        cx: &Context,
        operation: &Operation,
        variables: &Value,
    ) -> Result<T, Failure> {
        let body = Request {
            operation_name: operation.name,
            query: operation.text,
            variables,
        };
        if let Some(pace) = &self.pace {
            pace.turn(cx).await?;
        }
        let (name, value) = SOURCE;
        let request = self.http.on(cx).post([]).query(name, value);
        let reply = request.json(&body).send().await?;
        let accepted = (200..300).contains(&reply.status());
        let refusals = match reply.json::<Refusals>() {
            Err(error) if accepted => return Err(error.into()),
            read => read.unwrap_or_default(),
        };
        if !(accepted && refusals.is_empty()) {
            return Err(Failure {
                error: self.http.refusal(&reply),
                absence: refusals.absence(),
                timed_out: reply.status() == 504,
            });
        }
        let mut answer: Answer<T> = reply.json()?;
        answer.data.remove(operation.name).ok_or_else(|| {
            let missing = format!("answered without data.{}", operation.name);
            ProviderError::new(ErrorKind::Protocol, missing).into()
        })
    }
}
