//! `POST /status/batch`: the state of instances, in a constant number of statements and as few vendor
//! calls as the infras allow.

use std::collections::{BTreeSet, HashMap};

use agent_pool_core::wire::services::{InstanceReport, StatusBatch};
use agent_pool_core::{DeployStatus, InfraId, InstanceId, ListedInstance};
use futures_util::future::{try_join, try_join_all};

use super::ping;
use super::step_error::StepError;
use crate::app::App;
use crate::db::instance_infra::{self, InstanceInfra, Observation};

/// What the infras list, by infra and instance.
type Listed = HashMap<(InfraId, InstanceId), ListedInstance>;

/// Reports on `instances`, or on all. Those without a row are absent.
///
/// An infra that cannot be listed fails the whole request, so that nobody takes silence for death.
pub(crate) async fn status(
    app: &App,
    instances: Option<&[InstanceId]>,
) -> Result<StatusBatch, StepError> {
    let mut conn = app.db().conn().await?;
    let rows = instance_infra::load(&mut conn, instances).await?;
    drop(conn);
    let reachable = rows
        .iter()
        .filter_map(|row| Some((row.instance.clone(), row.url.clone()?)));
    let reachable: Vec<_> = reachable.collect();
    let pings = async { Ok(ping::healthy(app, reachable).await) };
    let (listed, healthy) = try_join(list(app, &rows), pings).await?;
    let observed: Vec<Observation> = rows.iter().map(|row| observe(row, &listed)).collect();
    let changed = rows
        .iter()
        .zip(&observed)
        .filter(|(row, seen)| differs(row, seen));
    record(app, changed.map(|(_, seen)| seen.clone()).collect()).await?;
    let reports = observed.into_iter().map(|seen| {
        let report = InstanceReport {
            status: seen.deploy_status,
            healthy: healthy.contains(&seen.instance),
            url: seen.url,
            image: seen.image,
        };
        (seen.instance, report)
    });
    Ok(reports.collect())
}

/// One call of each infra that has rows, side by side.
async fn list(app: &App, rows: &[InstanceInfra]) -> Result<Listed, StepError> {
    let infras: BTreeSet<&InfraId> = rows.iter().map(|row| &row.infra).collect();
    let lists = try_join_all(infras.into_iter().map(|id| list_one(app, id))).await?;
    let entries = lists.into_iter().flatten();
    Ok(entries
        .map(|(infra, one)| ((infra, one.handle.instance.clone()), one))
        .collect())
}

async fn list_one(app: &App, id: &InfraId) -> Result<Vec<(InfraId, ListedInstance)>, StepError> {
    let listed = app.providers().infra(id)?.list().await?;
    Ok(listed.into_iter().map(|one| (id.clone(), one)).collect())
}

/// What is known about an instance now. One that was made and is not listed is missing; one whose creation
/// is in progress may merely not be there yet.
fn observe(row: &InstanceInfra, listed: &Listed) -> Observation {
    let known_image = row.made.as_ref().and_then(|handle| handle.image.clone());
    let (deploy_status, url, image) = match listed.get(&(row.infra.clone(), row.instance.clone())) {
        Some(one) => (
            one.status.clone(),
            one.url.clone(),
            one.handle.image.clone(),
        ),
        None => (row.made.as_ref().map(|_| DeployStatus::Missing), None, None),
    };
    Observation {
        instance: row.instance.clone(),
        deploy_status,
        url: url.or_else(|| row.url.clone()),
        image: image.or(known_image),
    }
}

fn differs(row: &InstanceInfra, seen: &Observation) -> bool {
    let image = row.made.as_ref().and_then(|handle| handle.image.as_ref());
    row.deploy_status != seen.deploy_status || row.url != seen.url || image != seen.image.as_ref()
}

async fn record(app: &App, changed: Vec<Observation>) -> Result<(), StepError> {
    if changed.is_empty() {
        return Ok(());
    }
    let mut conn = app.db().conn().await?;
    Ok(instance_infra::record_observations(&mut conn, &changed).await?)
}
