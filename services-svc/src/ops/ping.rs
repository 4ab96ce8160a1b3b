//! Health checks of instances.

use std::collections::HashMap;
use std::iter;

use agent_pool_core::{InstanceId, Secret, chain, safe_line};
use chrono::{DateTime, Utc};
use futures_util::future::join;
use futures_util::{Stream, StreamExt, stream};
use metrics::gauge;
use tokio::time::sleep;
use tracing::{debug, warn};

use crate::app::App;
use crate::db::instance_infra::InstanceInfra;
use crate::runtime_key;

/// Longest version of a runtime that is stored, in characters.
const MAX_VERSION_CHARS: usize = 100;

/// The result of a health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Health {
    Ready {
        /// When its agent was last active, if reported.
        last_activity: Option<DateTime<Utc>>,
        /// The runtime's version.
        version: Option<String>,
    },
    /// It does not answer, or is not ready.
    NotReady,
    /// It refuses every key that we have. That is our fault and says nothing about its health.
    KeyRefused,
}

impl Health {
    /// The version that a ready instance reports, safe to show.
    pub(crate) fn version(&self) -> Option<String> {
        match self {
            Self::Ready { version, .. } => {
                let version = version.as_deref()?;
                Some(safe_line(version, MAX_VERSION_CHARS).into_owned())
            }
            Self::NotReady | Self::KeyRefused => None,
        }
    }
}

/// Checks every instance that has a URL, `HEALTH_CONCURRENCY` at a time. Instances that failed their last check are
/// checked separately, so that they do not delay the others: also `HEALTH_CONCURRENCY` at a time, the one checked
/// longest ago first, and within twice `HEALTH_TIMEOUT_MS` in total. Those not reached in that time still count as
/// failing.
pub(crate) async fn check_all(app: &App, rows: &[InstanceInfra]) -> HashMap<InstanceId, Health> {
    let limit = usize::from(app.config().health.concurrency.get());
    let last_asked = |row: &InstanceInfra| app.failing().asked(&row.instance);
    let addressed = rows.iter().filter(|row| row.url.is_some());
    let (mut failing, others): (Vec<_>, Vec<_>) =
        addressed.partition(|row| last_asked(row).is_some());
    failing.sort_by_cached_key(|row| last_asked(row));
    let patience = app.config().health.timeout_ms.duration() * 2;
    let failing = lane(app, failing, limit).take_until(sleep(patience));
    let (mut healths, heard): (HashMap<_, _>, Vec<_>) =
        join(lane(app, others, limit).collect(), failing.collect()).await;
    healths.extend(heard);
    for (instance, health) in &healths {
        app.failing().note(instance, *health == Health::NotReady);
    }
    let refusals = healths.values().filter(|one| **one == Health::KeyRefused);
    let refusals = u32::try_from(refusals.count()).unwrap_or(u32::MAX);
    gauge!("agent_pool_runtime_keys_refused").set(refusals);
    if refusals > 0 {
        warn!(
            "{refusals} instances refuse our key, so their health is unknown: was POOL_API_KEY or \
             SERVICES_ENCRYPTION_KEY changed without keeping the older key in its list?"
        );
    }
    healths
}

/// Checks `rows` in order, this many at a time.
fn lane<'a>(
    app: &'a App,
    rows: Vec<&'a InstanceInfra>,
    limit: usize,
) -> impl Stream<Item = (InstanceId, Health)> + use<'a> {
    // Collected first: the future of a stream that maps lazily is not known to be Send.
    let checks: Vec<_> = rows.into_iter().map(|row| check(app, row)).collect();
    stream::iter(checks).buffer_unordered(limit)
}

async fn check(app: &App, row: &InstanceInfra) -> (InstanceId, Health) {
    let instance = &row.instance;
    let Some(url) = &row.url else {
        return (instance.clone(), Health::NotReady);
    };
    let within = app.config().health.timeout_ms.duration();
    for key in keys(app, row) {
        match app.runtime().health(url, &key, within).await {
            Ok(report) if report.ready => {
                let ready = Health::Ready {
                    last_activity: report.last_activity,
                    version: report.version,
                };
                return (instance.clone(), ready);
            }
            Ok(_) => return (instance.clone(), Health::NotReady),
            Err(error) if error.is_key_refused() => {
                debug!(instance.id = %instance, "instance {instance} refuses a key");
            }
            Err(error) => {
                debug!(instance.id = %instance, "instance {instance} is not healthy: {error}");
                return (instance.clone(), Health::NotReady);
            }
        }
    }
    (instance.clone(), Health::KeyRefused)
}

/// The keys that an instance's runtime may accept: its own, or the operators' if it was made before instances had their
/// own keys. Empty if its own cannot be decrypted. Instances of the original may not accept the key that they were
/// given, so for them the operators' keys follow.
fn keys(app: &App, row: &InstanceInfra) -> Vec<Secret> {
    let operators = || app.config().http.pool_api_key.iter().cloned();
    let Some(sealed) = &row.runtime_key else {
        return operators().collect();
    };
    match runtime_key::open(app.cipher(), &row.instance, sealed) {
        Ok(key) if row.adopted => iter::once(key).chain(operators()).collect(),
        Ok(key) => vec![key],
        Err(error) => {
            debug!(
                error.chain = chain(&error),
                "the runtime key of {} cannot be decrypted", row.instance
            );
            Vec::new()
        }
    }
}
