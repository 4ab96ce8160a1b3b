//! The third promise: no secret is logged, even where everything is.

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

/// What was looked for, and in how much.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// How many secrets there were.
    pub secrets: usize,
    /// How many lines were logged.
    pub lines: usize,
}

/// Makes, claims, sweeps and destroys an instance while both services log all they can, and looks for
/// every secret that there is.
///
/// # Errors
/// Names the secrets that were logged; or the lab itself fails.
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
    secrets.push(("a conversation", claimed.invite_url));
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
        "not all was logged, so that this shows nothing"
    );
    let told = secrets.iter().filter(|(_, secret)| is_told(&log, secret));
    let told: Vec<_> = told.map(|(name, _)| *name).collect();
    ensure!(told.is_empty(), "logged: {told:?}");
    Ok(Report {
        secrets: secrets.len(),
        lines: log.lines().count(),
    })
}

/// Whether it is in the log, as it is or as a list of bytes.
fn is_told(log: &str, secret: &str) -> bool {
    let bytes = format!("{:?}", secret.as_bytes());
    log.contains(secret) || log.contains(bytes.trim_matches(['[', ']']))
}

/// Every secret of the system, by what it opens.
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
