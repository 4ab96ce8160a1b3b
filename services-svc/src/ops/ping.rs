//! The health of instances, as they report it themselves.

use std::collections::HashMap;
use std::iter;

use agent_pool_core::{InstanceId, Secret, chain};
use futures_util::StreamExt;
use futures_util::stream;
use metrics::gauge;
use tracing::{debug, warn};
use url::Url;

use crate::app::App;
use crate::db::instance_infra::InstanceInfra;
use crate::runtime_key;

/// What an instance says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Ready,
    /// It does not answer, or says that it is not ready.
    NotReady,
    /// It refuses every key that we have. That is our fault, and says nothing about its health.
    KeyRefused,
}

/// The health of every instance that has an address. `HEALTH_CONCURRENCY` of them are asked at a time.
pub(crate) async fn check_all(app: &App, rows: &[InstanceInfra]) -> HashMap<InstanceId, Health> {
    let limit = usize::from(app.config().health.concurrency.get());
    // Collected first: the future of a stream that maps lazily is not known to be Send.
    let checks: Vec<_> = rows
        .iter()
        .filter_map(|row| Some(check(app, row, row.url.as_ref()?)))
        .collect();
    let checks = stream::iter(checks).buffer_unordered(limit);
    let healths: HashMap<InstanceId, Health> = checks.collect().await;
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

async fn check(app: &App, row: &InstanceInfra, url: &Url) -> (InstanceId, Health) {
    let instance = &row.instance;
    let within = app.config().health.timeout_ms.duration();
    for key in keys(app, row) {
        match app.runtime().is_ready(url, &key, within).await {
            Ok(true) => return (instance.clone(), Health::Ready),
            Ok(false) => return (instance.clone(), Health::NotReady),
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

/// The keys that may open an instance's runtime: its own, or those of the operators if it was made before
/// instances had keys of their own. None if its own cannot be decrypted.
fn keys(app: &App, row: &InstanceInfra) -> Vec<Secret> {
    let Some(sealed) = &row.runtime_key else {
        return app.config().http.pool_api_key.iter().cloned().collect();
    };
    match runtime_key::open(app.cipher(), &row.instance, sealed) {
        Ok(key) => iter::once(key).collect(),
        Err(error) => {
            debug!(
                error.chain = chain(&error),
                "the runtime key of {} is lost", row.instance
            );
            Vec::new()
        }
    }
}
