//! One sweep: find, destroy, report.

use std::collections::{BTreeMap, HashSet};

use agent_pool_core::wire::services::SweepReport;
use agent_pool_core::{InstanceId, chain};
use agent_pool_service_kit::db::DbError;
use chrono::Utc;
use futures_util::future::join_all;
use metrics::gauge;
use tracing::{instrument, warn};

use super::destroy::destroy;
use super::found::{Found, Provider};
use crate::app::App;
use crate::db::{instance_infra, local_grants};

/// What becomes of the orphans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Orphans {
    /// They are reported.
    Report,
    /// They are destroyed, and reported.
    Destroy,
}

/// Sweeps every configured provider. Those that cannot be asked are named in the report.
#[instrument(name = "sweep", skip_all)]
pub(crate) async fn sweep(app: App, orphans: Orphans) -> Result<SweepReport, DbError> {
    let tools = app.vendors().tools().map(Provider::Tool);
    let providers: Vec<Provider> = tools
        .chain(app.vendors().infras().map(Provider::Infra))
        .collect();
    let (listed, mut failures) = list(&providers).await;
    forget_spent_grants(&app, &providers, &listed, &failures).await?;
    let found = without_owner(&app, listed).await?;
    let destroyed = match orphans {
        Orphans::Report => vec![false; found.len()],
        Orphans::Destroy => destroy(&app, &found, &mut failures).await,
    };
    let report = SweepReport {
        orphans: found
            .iter()
            .zip(destroyed)
            .map(|(one, gone)| one.orphan(gone))
            .collect(),
        failures,
    };
    measure(&providers, &report);
    Ok(report)
}

/// What the providers have; and those that could not be asked, with why.
async fn list(providers: &[Provider]) -> (Vec<Found>, BTreeMap<String, String>) {
    let lists = join_all(providers.iter().map(Provider::list)).await;
    let mut failures = BTreeMap::new();
    let mut listed = Vec::new();
    for (provider, list) in providers.iter().zip(lists) {
        match list {
            Ok(found) => listed.extend(found),
            Err(error) => {
                warn!(
                    error.chain = chain(&error),
                    "{} cannot be swept",
                    provider.name()
                );
                failures.insert(provider.name().to_owned(), error.to_string());
            }
        }
    }
    (listed, failures)
}

/// The rows of grants that expired go once all their tools were asked and have nothing of them.
async fn forget_spent_grants(
    app: &App,
    providers: &[Provider],
    listed: &[Found],
    failures: &BTreeMap<String, String>,
) -> Result<(), DbError> {
    let tools = providers.iter().filter_map(Provider::as_tool);
    let asked: Vec<&str> = tools
        .map(|tool| tool.id().as_str())
        .filter(|name| !failures.contains_key(*name))
        .collect();
    let instances: Vec<&InstanceId> = listed.iter().map(Found::instance).collect();
    let mut conn = app.db().conn().await?;
    local_grants::forget_spent(&mut conn, &instances, &asked).await
}

/// Those that are old enough and whose instance has no owner, in order of instance.
async fn without_owner(app: &App, mut found: Vec<Found>) -> Result<Vec<Found>, DbError> {
    let grace = app.config().sweep.grace_ms.duration();
    let oldest_young = Utc::now() - grace;
    found.retain(|one| one.created_at().is_none_or(|at| at <= oldest_young));
    let instances: Vec<&InstanceId> = found.iter().map(Found::instance).collect();
    let owned = owned(app, &instances).await?;
    found.retain(|one| !owned.contains(one.instance().as_str()));
    found.sort_by(|one, other| one.instance().cmp(other.instance()));
    Ok(found)
}

/// Which of `instances` have a row, and not merely that of an expired grant.
pub(super) async fn owned(
    app: &App,
    instances: &[&InstanceId],
) -> Result<HashSet<String>, DbError> {
    let mut conn = app.db().conn().await?;
    let mut owned = instance_infra::known(&mut conn, instances).await?;
    owned.extend(local_grants::live(&mut conn, instances).await?);
    Ok(owned)
}

/// How many orphans each provider that answered still has.
fn measure(providers: &[Provider], report: &SweepReport) {
    for provider in providers {
        let name = provider.name();
        let left = report
            .orphans
            .iter()
            .filter(|one| one.provider == name && !one.destroyed);
        let left = u32::try_from(left.count()).unwrap_or(u32::MAX);
        if left > 0 || !report.failures.contains_key(name) {
            gauge!("agent_pool_orphans", "provider" => name.to_owned()).set(left);
        }
    }
}
