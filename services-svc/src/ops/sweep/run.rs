//! One sweep: list, compare, destroy, repair, report.

use std::collections::{BTreeMap, HashSet};

use agent_pool_core::wire::services::{OrphanRef, SweepReport, SweepRequest};
use agent_pool_core::{InstanceId, chain};
use agent_pool_service_kit::db::DbError;
use chrono::Utc;
use futures_util::future::join_all;
use tokio::time::Instant;
use tracing::{instrument, warn};

use super::compare::{find_missing, load_expectations};
use super::listed::{Kind, Listed, Provider};
use super::metrics::record_metrics;
use super::orphans::{destroy_orphans, find_orphans};
use super::refresh::refresh;
use super::repair::repair_all;
use super::report::previous_report;
use crate::app::App;
use crate::db::{instance_infra, local_grants, made_instances, sweep_reports};

/// Sweeps every configured provider, and saves the report. The report names the providers that could not be listed, and
/// those whose listing is not trusted.
#[instrument(name = "sweep", skip_all)]
pub(super) async fn run_sweep(app: &App, request: SweepRequest) -> Result<SweepReport, DbError> {
    let (swept_at, started) = (Utc::now(), Instant::now());
    let previous = previous_report(app).await?;
    // Before the vendors are listed, so that what is made meanwhile does not seem missing.
    let expectations = load_expectations(app).await?;
    let had_row = instance_infra::find_all_ids(&mut *app.db().conn().await?).await?;
    let tools = app.providers().tools().map(Provider::Tool);
    let infras = app.providers().infras().map(Provider::Infra);
    let providers: Vec<Provider> = tools.chain(infras).collect();
    let (listed, mut failures) = list(&providers).await;
    delete_expired_grants(app, &providers, &listed, &failures).await?;
    refresh(app, &providers, &failures).await?;
    let mut missing = find_missing(
        &expectations,
        &providers,
        &listed,
        previous.as_ref(),
        app.config().sweep.max_missing_percent,
        &mut failures,
    );
    let orphans = find_orphans(app, listed, &had_row).await?;
    let ours = find_ours(app, &orphans).await?;
    let is_foreign = |instance: &InstanceId| !ours.contains(instance.as_str());
    let (doomed, spared): (Vec<_>, Vec<_>) = orphans
        .into_iter()
        .partition(|orphan| is_to_be_destroyed(&request, orphan, is_foreign(orphan.instance())));
    let mut orphans = destroy_orphans(app, &doomed, &mut failures).await;
    orphans.extend(spared.iter().map(|orphan| orphan.to_orphan(false)));
    for orphan in &mut orphans {
        orphan.foreign = is_foreign(&orphan.instance_id);
    }
    if request.repair {
        repair_all(app, &mut missing, &mut failures).await;
    }
    let report = SweepReport {
        swept_at,
        replica: app.replica().to_owned(),
        took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        orphans,
        missing: missing.into_iter().map(|item| item.missing).collect(),
        failures,
    };
    record_metrics(&providers, &report);
    let environment = &app.config().general.pool_environment;
    sweep_reports::save(&mut *app.db().conn().await?, environment, &report).await?;
    Ok(report)
}

/// The instances of `orphans` that this deployment made.
async fn find_ours(app: &App, orphans: &[Listed]) -> Result<HashSet<String>, DbError> {
    let instances: Vec<&InstanceId> = orphans.iter().map(Listed::instance).collect();
    let mut conn = app.db().conn().await?;
    made_instances::find_ours(&mut conn, &instances).await
}

/// An orphan of another deployment is destroyed only if it is named.
fn is_to_be_destroyed(request: &SweepRequest, orphan: &Listed, foreign: bool) -> bool {
    let key = orphan.key();
    let named = |one: &OrphanRef| one.provider == key.provider && one.resource_id == key.id;
    (request.destroy && !foreign) || request.destroy_only.iter().any(named)
}

/// The lists of the providers, and the failures of those that could not be listed.
async fn list(providers: &[Provider]) -> (Vec<Listed>, BTreeMap<String, String>) {
    let lists = join_all(providers.iter().map(Provider::list)).await;
    let mut failures = BTreeMap::new();
    let mut all = Vec::new();
    for (provider, list) in providers.iter().zip(lists) {
        match list {
            Ok(listed) => all.extend(listed),
            Err(error) => {
                let name = provider.name();
                warn!(error.chain = chain(&error), "{name} cannot be swept");
                failures.insert(name.to_owned(), error.to_string());
            }
        }
    }
    (all, failures)
}

/// Deletes the rows of expired grants once all their tools were listed and nothing of the grant is left.
async fn delete_expired_grants(
    app: &App,
    providers: &[Provider],
    listed: &[Listed],
    failures: &BTreeMap<String, String>,
) -> Result<(), DbError> {
    let tools = providers.iter().filter(|one| one.kind() == Kind::Tool);
    let asked: Vec<&str> = tools
        .map(Provider::name)
        .filter(|name| !failures.contains_key(*name))
        .collect();
    let instances: Vec<&InstanceId> = listed.iter().map(Listed::instance).collect();
    let mut conn = app.db().conn().await?;
    local_grants::delete_expired(&mut conn, &instances, &asked).await
}
