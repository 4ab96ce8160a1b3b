//! The end of orphans, one instance at a time under its lease: a creation may have begun for the same
//! instance since they were found, and go on from what is there.

use std::collections::BTreeMap;

use agent_pool_core::{InstanceId, ProviderError, chain};
use agent_pool_service_kit::db::DbError;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use tracing::{info, warn};

use super::found::Found;
use super::run::owned;
use crate::app::App;
use crate::ops::lease::Lease;
use crate::ops::precondition::PreconditionError;

/// Of how many instances orphans are destroyed at once.
const AT_ONCE: usize = 8;

/// Why all that is left of an instance was left alone.
#[derive(Debug, thiserror::Error)]
enum Spared {
    #[error(transparent)]
    Refused(#[from] PreconditionError),
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Whether each of `found`, which is in order of instance, is gone.
pub(super) async fn destroy(
    app: &App,
    found: &[Found],
    failures: &mut BTreeMap<String, String>,
) -> Vec<bool> {
    let instances = found.chunk_by(|one, next| one.instance() == next.instance());
    let attempts: Vec<_> = instances.map(|all| destroy_of_one(app, all)).collect();
    let results: Vec<_> = stream::iter(attempts).buffered(AT_ONCE).collect().await;
    found
        .iter()
        .zip(results.into_iter().flatten())
        .map(|(one, result)| result.is_some_and(|result| is_gone(one, result, failures)))
        .collect()
}

/// What became of each of one instance; `None` where it was left alone.
async fn destroy_of_one(app: &App, found: &[Found]) -> Vec<Option<Result<(), ProviderError>>> {
    let Some(instance) = found.first().map(Found::instance) else {
        return Vec::new();
    };
    match destroy_leased(app, instance, found).await {
        Ok(results) => results.into_iter().map(Some).collect(),
        Err(error) => {
            warn!(
                instance.id = %instance,
                error.chain = chain(&error),
                "the orphans of instance {instance} are left for the next sweep"
            );
            found.iter().map(|_| None).collect()
        }
    }
}

async fn destroy_leased(
    app: &App,
    instance: &InstanceId,
    found: &[Found],
) -> Result<Vec<Result<(), ProviderError>>, Spared> {
    let busy = || PreconditionError::Busy(instance.clone());
    let lease = Lease::take(app, instance).await?.ok_or_else(busy)?;
    let destroyed = async {
        if !owned(app, &[instance]).await?.is_empty() {
            return Err(busy().into());
        }
        Ok(join_all(found.iter().map(Found::destroy)).await)
    };
    lease.hold(destroyed).await
}

fn is_gone(
    one: &Found,
    result: Result<(), ProviderError>,
    failures: &mut BTreeMap<String, String>,
) -> bool {
    let orphan = one.orphan(false);
    let (provider, resource) = (orphan.provider, orphan.resource_id);
    match result {
        Ok(()) => {
            info!(instance.id = %orphan.instance_id, "orphan {provider} {resource} is destroyed");
            true
        }
        Err(error) => {
            warn!(
                instance.id = %orphan.instance_id,
                error.chain = chain(&error),
                "orphan {provider} {resource} cannot be destroyed"
            );
            failures.insert(provider, error.to_string());
            false
        }
    }
}
