//! Finds orphans in the lists, and destroys them.

use std::collections::{BTreeMap, HashSet};

use agent_pool_core::wire::services::Orphan;
use agent_pool_core::{InstanceId, ProviderError, chain};
use agent_pool_service_kit::db::DbError;
use chrono::Utc;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use tracing::{info, warn};

use super::listed::Listed;
use crate::app::App;
use crate::db::{instance_infra, local_grants};
use crate::ops::lease::Lease;
use crate::ops::precondition::PreconditionError;

/// The number of instances whose orphans are destroyed concurrently.
const MAX_CONCURRENT: usize = 8;

/// The result for one orphan.
#[derive(Debug)]
struct Outcome {
    orphan: Orphan,
    failure: Option<ProviderError>,
}

/// Why the orphans of an instance were left alone.
#[derive(Debug, thiserror::Error)]
enum SkipReason {
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    #[error(transparent)]
    Database(#[from] DbError),
}

/// The listed resources that are old enough and whose instance has no row, ordered by instance.
///
/// An instance that had a row before the vendors were listed was destroyed meanwhile. If something of it is left, it is
/// an orphan of the next sweep.
pub(super) async fn find_orphans(
    app: &App,
    mut listed: Vec<Listed>,
    had_row: &HashSet<String>,
) -> Result<Vec<Listed>, DbError> {
    let oldest_young = Utc::now() - app.config().sweep.grace_ms.duration();
    listed.retain(|one| one.created_at().is_none_or(|at| at <= oldest_young));
    listed.retain(|one| !had_row.contains(one.instance().as_str()));
    let instances: Vec<&InstanceId> = listed.iter().map(Listed::instance).collect();
    let owned = find_owned(app, &instances).await?;
    listed.retain(|one| !owned.contains(one.instance().as_str()));
    listed.sort_by(|one, other| one.instance().cmp(other.instance()));
    Ok(listed)
}

/// Which of `instances` have a row, other than that of an expired grant.
async fn find_owned(app: &App, instances: &[&InstanceId]) -> Result<HashSet<String>, DbError> {
    let mut conn = app.db().conn().await?;
    let mut owned = instance_infra::find_existing(&mut conn, instances).await?;
    owned.extend(local_grants::find_live(&mut conn, instances).await?);
    Ok(owned)
}

/// Destroys `orphans`, which are ordered by instance, and reports on each.
pub(super) async fn destroy_orphans(
    app: &App,
    orphans: &[Listed],
    failures: &mut BTreeMap<String, String>,
) -> Vec<Orphan> {
    let instances = orphans.chunk_by(|one, next| one.instance() == next.instance());
    let attempts: Vec<_> = instances.map(|all| destroy_of_one(app, all)).collect();
    let attempts = stream::iter(attempts).buffered(MAX_CONCURRENT);
    let outcomes: Vec<Vec<Outcome>> = attempts.collect().await;
    let report = |outcome: Outcome| {
        let Outcome { orphan, failure } = outcome;
        if let Some(error) = failure {
            failures.insert(orphan.provider.clone(), error.to_string());
        }
        orphan
    };
    outcomes.into_iter().flatten().map(report).collect()
}

/// Destroys all orphans of one instance, and returns the result for each.
async fn destroy_of_one(app: &App, orphans: &[Listed]) -> Vec<Outcome> {
    let Some(instance) = orphans.first().map(Listed::instance) else {
        return Vec::new();
    };
    match destroy_leased(app, instance, orphans).await {
        Ok(outcomes) => outcomes,
        Err(error) => {
            warn!(
                instance.id = %instance,
                error.chain = chain(&error),
                "the orphans of instance {instance} are left for the next sweep"
            );
            let skipped = orphans.iter().map(|orphan| Outcome {
                orphan: orphan.to_orphan(false),
                failure: None,
            });
            skipped.collect()
        }
    }
}

/// Destroys under the lease, and checks again that there is no row: a creation for the same instance may have begun
/// since the orphans were found, and may have adopted them.
async fn destroy_leased(
    app: &App,
    instance: &InstanceId,
    orphans: &[Listed],
) -> Result<Vec<Outcome>, SkipReason> {
    let busy = || PreconditionError::Busy(instance.clone());
    let lease = Lease::take(app, instance).await?.ok_or_else(busy)?;
    let work = async {
        // Under the lease no creation can insert a row any more, so this answer stays true until the orphans are gone.
        if !find_owned(app, &[instance]).await?.is_empty() {
            return Err(busy().into());
        }
        Ok(join_all(orphans.iter().map(destroy_one)).await)
    };
    lease.hold(work).await
}

async fn destroy_one(orphan: &Listed) -> Outcome {
    let (key, instance) = (orphan.key(), orphan.instance());
    let failure = orphan.destroy().await.err();
    match &failure {
        None => info!(instance.id = %instance, "orphan {} {} is destroyed", key.provider, key.id),
        Some(error) => warn!(
            instance.id = %instance,
            error.chain = chain(error),
            "orphan {} {} could not be destroyed", key.provider, key.id
        ),
    }
    Outcome {
        orphan: orphan.to_orphan(failure.is_none()),
        failure,
    }
}
