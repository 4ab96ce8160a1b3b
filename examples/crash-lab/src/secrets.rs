//! The third promise: no secret is logged, even at trace level.

use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::wire::services::SweepRequest;
use anyhow::{Context as _, ensure};
use fake_cloud::Options;
use url::Url;

use crate::calls::order;
use crate::lab::Lab;
use crate::settings::{ENCRYPTION_KEY, KEY, Pacing};
use crate::system::System;

/// How long an instance may take.
const WITHIN: Duration = Duration::from_secs(60);

/// The extent of the search.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// The number of secrets.
    pub secrets: usize,
    /// The number of log lines.
    pub lines: usize,
}

/// Creates, claims, sweeps and destroys an instance while both services log at trace level, and searches the logs for
/// every secret.
///
/// # Errors
/// A secret was logged, which is named; or the lab itself fails.
pub async fn run(lab: &Arc<Lab>) -> anyhow::Result<Report> {
    let pacing = Pacing {
        min_idle: 1,
        log: "trace",
        ..Pacing::QUIET
    };
    let system = System::start(Arc::clone(lab), pacing, 1, 1).await?;
    system.settle(Some(1), WITHIN).await?;
    let mut secrets = secrets(&system)?;
    let claimed = system.claim(&order("Tulip")?).await?;
    secrets.push(("a conversation", claimed.invite_url.into()));
    let request = SweepRequest {
        destroy: true,
        ..SweepRequest::default()
    };
    system.services_api(0).await?.sweep(&request).await?;
    system.pool_api(0).await?.kill(&claimed.instance_id).await?;
    system.settle(Some(1), WITHIN).await?;
    let log = system.logged();
    ensure!(
        log.contains("TRACE"),
        "the log has no TRACE lines, so it proves nothing"
    );
    let leaked = secrets
        .iter()
        .filter(|(_, secret)| contains_secret(&log, secret));
    let leaked: Vec<_> = leaked.map(|(name, _)| *name).collect();
    ensure!(leaked.is_empty(), "logged: {leaked:?}");
    Ok(Report {
        secrets: secrets.len(),
        lines: log.lines().count(),
    })
}

/// Whether the log contains the secret, as text or as a list of bytes.
fn contains_secret(log: &str, secret: &str) -> bool {
    let bytes = format!("{:?}", secret.as_bytes());
    log.contains(secret) || log.contains(bytes.trim_matches(['[', ']']))
}

/// Every secret of the system, with its purpose.
fn secrets(system: &System) -> anyhow::Result<Vec<(&'static str, String)>> {
    let Options {
        railway,
        openrouter,
        agentmail,
        telnyx,
        ..
    } = system.cloud.options();
    let state = system.cloud.state();
    let database = Url::parse(&system.lab.database_url("any", None)?)?;
    let mut secrets = vec![
        ("the key of the pool", KEY.to_owned()),
        ("the key that encrypts", ENCRYPTION_KEY.to_owned()),
        (
            "the database",
            database.password().context("a password")?.to_owned(),
        ),
        ("Railway", railway.tokens.account.clone()),
        ("OpenRouter", openrouter.management_keys.concat()),
        ("AgentMail", agentmail.api_keys.concat()),
        ("Telnyx", telnyx.api_keys.concat()),
    ];
    let keys = state.openrouter.keys.into_iter();
    secrets.extend(keys.map(|key| ("a key of OpenRouter", key.secret)));
    let keys = state.agentmail.api_keys.into_iter();
    secrets.extend(keys.map(|key| ("a key of an inbox", key.api_key)));
    Ok(secrets)
}
