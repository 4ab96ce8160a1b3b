//! `POST /status/batch`: the state of instances, in a constant number of statements and as few vendor
//! calls as the infras allow.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use agent_pool_core::wire::services::{InstanceReport, StatusBatch};
use agent_pool_core::{
    DeployStatus, InfraId, InstanceId, ListedInstance, RecipeHash, chain, safe_line,
};
use agent_pool_service_kit::db::DbError;
use futures_util::future::{try_join, try_join_all};
use tracing::warn;

use super::ping::{self, Health};
use super::step_error::StepError;
use crate::app::App;
use crate::db::instance_infra::{self, InstanceInfra, Observation};
use crate::db::vendor_notices;
use crate::providers::{Infra, MaxAge};

/// Longest image that is stored, in characters.
const MAX_IMAGE_CHARS: usize = 512;
/// Longest detail of a status that is stored, in characters.
const MAX_DETAIL_CHARS: usize = 300;

/// How long after a webhook its vendor is trusted to send the next one.
const NOTICES_ARE_NEWS: Duration = Duration::from_hours(24);

/// The lists of the infras, by infra and instance.
type Listed = HashMap<(InfraId, InstanceId), ListedInstance>;

/// Reports on `instances`, or on all. Those without a row are absent.
///
/// An infra that cannot be listed fails the whole request: an incomplete answer would make its instances look dead.
pub(crate) async fn status(
    app: &App,
    instances: Option<&[InstanceId]>,
) -> Result<StatusBatch, StepError> {
    let mut conn = app.db().conn().await?;
    let rows = instance_infra::load(&mut conn, instances).await?;
    drop(conn);
    if instances.is_none() {
        let there: HashSet<_> = rows.iter().map(|row| &row.instance).collect();
        app.failing().keep(|instance| there.contains(instance));
    }
    let pings = async { Ok(ping::check_all(app, &rows).await) };
    let (listed, healths) = try_join(list(app, &rows), pings).await?;
    let observed: Vec<Observation> = rows.iter().map(|row| observe(row, &listed)).collect();
    let changed = rows
        .iter()
        .zip(&observed)
        .filter(|(row, seen)| differs(row, seen));
    if let Err(error) = record(app, changed.map(|(_, seen)| seen.clone()).collect()).await {
        // The answer does not depend on storing it: a vendor's text that the database refuses must not hide the fleet.
        warn!(
            error.chain = chain(&error),
            "the status of instances could not be stored: {error}"
        );
    }
    let mut made_from: HashMap<InstanceId, RecipeHash> = rows
        .into_iter()
        .filter_map(|row| Some((row.instance, row.made_from?.hash)))
        .collect();
    let reports = observed.into_iter().map(|seen| {
        let health = healths.get(&seen.instance);
        let last_activity = match health {
            Some(Health::Ready { last_activity, .. }) => *last_activity,
            Some(Health::NotReady | Health::KeyRefused) | None => None,
        };
        let made_from = made_from.remove(&seen.instance);
        let report = InstanceReport {
            status: seen.deploy_status,
            detail: seen.deploy_detail,
            healthy: matches!(health, Some(Health::Ready { .. })),
            last_activity,
            key_refused: health == Some(&Health::KeyRefused),
            url: seen.url,
            image: seen.image,
            image_digest: seen.image_digest,
            made_from,
            version: health.and_then(Health::version),
        };
        (seen.instance, report)
    });
    Ok(reports.collect())
}

/// One call of each infra that has rows, concurrently.
async fn list(app: &App, rows: &[InstanceInfra]) -> Result<Listed, StepError> {
    let infras: BTreeSet<&InfraId> = rows.iter().map(|row| &row.infra).collect();
    let lists = try_join_all(infras.into_iter().map(|id| list_one(app, id, rows))).await?;
    let entries = lists.into_iter().flatten();
    Ok(entries
        .map(|(infra, one)| ((infra, one.handle.instance.clone()), one))
        .collect())
}

/// A list that is a few seconds old is used if every instance of `rows` is alive in it; otherwise the infra is listed
/// again, so that no instance counts as dead because of an old list.
async fn list_one(
    app: &App,
    id: &InfraId,
    rows: &[InstanceInfra],
) -> Result<Vec<(InfraId, ListedInstance)>, StepError> {
    let infra = app.providers().infra(id)?;
    let own = rows
        .iter()
        .filter(|row| row.infra == *id && row.made.is_some() && !row.adopted);
    let suffices = |listed: &[ListedInstance]| {
        let alive = listed
            .iter()
            .filter(|one| one.status.as_ref().is_none_or(|status| !status.is_dead()));
        let alive: HashSet<&InstanceId> = alive.map(|one| &one.handle.instance).collect();
        own.clone().all(|row| alive.contains(&row.instance))
    };
    let max_age = max_age(app, &infra).await?;
    let list = app
        .providers()
        .lists()
        .get(&infra, max_age, suffices)
        .await?;
    Ok(list.iter().map(|one| (id.clone(), one.clone())).collect())
}

/// Maximum age of a list. If webhooks report changes, a list may be older, but not older than the last webhook, which
/// another replica may have received.
async fn max_age(app: &App, infra: &Infra) -> Result<MaxAge, DbError> {
    let general = &app.config().general;
    let mut max_age = MaxAge {
        answered: general.status_list_max_age_ms.duration(),
        ..MaxAge::default()
    };
    if infra.takes_notices() {
        let last = vendor_notices::last_age(&mut *app.db().conn().await?, infra.id()).await?;
        let notified = general.notified_list_max_age_ms.duration();
        let arriving = last.filter(|age| *age < NOTICES_ARE_NEWS);
        max_age.asked = arriving.map_or(Duration::ZERO, |age| notified.min(age));
    }
    Ok(max_age)
}

/// What is known about an instance now. An instance that was made and is not listed is missing. One whose creation is
/// in progress may not be listed yet, and one that was taken over from the original is in no listing.
fn observe(row: &InstanceInfra, listed: &Listed) -> Observation {
    let known_image = row.made.as_ref().and_then(|handle| handle.image.clone());
    let unlisted = Observation {
        instance: row.instance.clone(),
        deploy_status: (row.made.is_some() && !row.adopted).then_some(DeployStatus::Missing),
        deploy_detail: None,
        url: row.url.clone(),
        image: known_image.clone(),
        image_digest: row.image_digest.clone(),
    };
    let Some(one) = listed.get(&(row.infra.clone(), row.instance.clone())) else {
        return unlisted;
    };
    Observation {
        deploy_status: one.status.clone(),
        deploy_detail: printable(one.detail.as_deref(), MAX_DETAIL_CHARS),
        url: one.url.clone().or_else(|| row.url.clone()),
        image: printable(one.handle.image.as_deref(), MAX_IMAGE_CHARS).or(known_image),
        image_digest: printable(one.image_digest.as_deref(), MAX_IMAGE_CHARS)
            .or_else(|| row.image_digest.clone()),
        ..unlisted
    }
}

/// A vendor's text, reduced to what the database can store, so that it cannot fail all reports.
fn printable(text: Option<&str>, max_chars: usize) -> Option<String> {
    Some(safe_line(text?, max_chars).into_owned())
}

fn differs(row: &InstanceInfra, seen: &Observation) -> bool {
    let image = row.made.as_ref().and_then(|handle| handle.image.as_ref());
    row.deploy_status != seen.deploy_status
        || row.deploy_detail != seen.deploy_detail
        || row.url != seen.url
        || image != seen.image.as_ref()
        || row.image_digest != seen.image_digest
}

async fn record(app: &App, changed: Vec<Observation>) -> Result<(), StepError> {
    if changed.is_empty() {
        return Ok(());
    }
    let mut conn = app.db().conn().await?;
    Ok(instance_infra::record_observations(&mut conn, &changed).await?)
}
