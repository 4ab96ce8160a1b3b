//! Joining an existing conversation: the agent sends the URL of its chat.
//!
//! A conversation is the invite URL of another agent-runtime. People there see that the agent has
//! joined, and a link to it; the two agents do not exchange messages.

use std::time::Duration;

use agent_pool_core::wire::{AgentName, InviteUrl, JoinUrl};
use reqwest::Client;
use serde::{Deserialize, Serialize};
use url::Url;

/// The path below an invite URL where agents that join introduce themselves.
pub(crate) const GUESTS: &str = "guests";

const TIMEOUT: Duration = Duration::from_secs(10);

/// `POST <invite URL>/guests`. Idempotent.
#[derive(Serialize, Deserialize)]
pub(crate) struct Guest {
    pub(crate) name: AgentName,
    pub(crate) url: InviteUrl,
}

/// The answer to [`Guest`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Welcome {
    pub(crate) conversation_id: String,
}

/// Joins the conversation at `invitation`.
pub(crate) async fn join(
    http: &Client,
    invitation: &JoinUrl,
    guest: &Guest,
) -> anyhow::Result<Welcome> {
    let mut url = Url::parse(invitation.as_str())?;
    url.path_segments_mut()
        .map_err(|()| anyhow::anyhow!("not a URL with a path"))?
        .pop_if_empty()
        .push(GUESTS);
    let answer = http.post(url).timeout(TIMEOUT).json(guest).send().await;
    // Without the URL: it is the invitation, which is a secret.
    let answer = answer.and_then(reqwest::Response::error_for_status);
    let answer = answer.map_err(reqwest::Error::without_url)?;
    Ok(answer.json().await.map_err(reqwest::Error::without_url)?)
}
