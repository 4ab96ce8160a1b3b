//! One sweep: find, destroy, repair, report.

use std::collections::{BTreeMap, HashSet};

use agent_pool_core::wire::services::{OrphanRef, SweepReport, SweepRequest};
use agent_pool_core::{InstanceId, chain};
use agent_pool_service_kit::db::DbError;
use chrono::Utc;
use futures_util::future::join_all;
use tokio::time::Instant;
use tracing::{instrument, warn};

use super::destroy::destroy;
use super::exclusive::last_report;
use super::found::{Found, Provider};
use super::measure::measure;
use super::missing::{self, look, repair_all};
use super::refresh::refresh;
use crate::app::App;
use crate::db::{instance_infra, local_grants, sweep_reports};

/// Sweeps every configured provider, and keeps the report. Those that cannot be asked, or are not
/// believed, are named in it.
#[instrument(name = "sweep", skip_all)]
pub(super) async fn sweep_alone(app: &App, wanted: SweepRequest) -> Result<SweepReport, DbError> {
    let (swept_at, started) = (Utc::now(), Instant::now());
    let before = report_before(app).await?;
    let known = missing::known(app).await?;
    let tools = app.vendors().tools().map(Provider::Tool);
    let providers: Vec<Provider> = tools
        .chain(app.vendors().infras().map(Provider::Infra))
        .collect();
    let (listed, mut failures) = list(&providers).await;
    forget_spent_grants(app, &providers, &listed, &failures).await?;
    refresh(app, &providers, &failures).await?;
    let max_percent = app.config().sweep.max_missing_percent;
    let mut looked = look(
        &known,
        &providers,
        &listed,
        before.as_ref(),
        max_percent,
        &mut failures,
    );
    let found = without_owner(app, listed).await?;
    let (doomed, left): (Vec<_>, Vec<_>) = found.into_iter().partition(|one| dooms(&wanted, one));
    let destroyed = destroy(app, &doomed, &mut failures).await;
    if wanted.repair {
        repair_all(app, &mut looked, &mut failures).await;
    }
    let left = left.iter().map(|one| (one, false));
    let orphans = doomed.iter().zip(destroyed).chain(left);
    let report = SweepReport {
        swept_at,
        replica: app.replica().to_owned(),
        took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        orphans: orphans.map(|(one, gone)| one.orphan(gone)).collect(),
        missing: looked.missing,
        failures,
    };
    measure(&providers, &report);
    let environment = &app.config().general.pool_environment;
    sweep_reports::save(&mut *app.db().conn().await?, environment, &report).await?;
    Ok(report)
}

/// Whether an orphan is to be destroyed.
fn dooms(wanted: &SweepRequest, orphan: &Found) -> bool {
    let (_, provider, resource) = orphan.key();
    let named = |one: &OrphanRef| one.provider == provider && one.resource_id == resource;
    wanted.destroy || wanted.destroy_only.iter().any(named)
}

/// The report of the sweep before. One that another version wrote and this one cannot read is none.
async fn report_before(app: &App) -> Result<Option<SweepReport>, DbError> {
    match last_report(app).await {
        Err(error @ DbError::CorruptRow { .. }) => {
            warn!(
                error.chain = chain(&error),
                "the last report is not understood"
            );
            Ok(None)
        }
        read => read,
    }
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
