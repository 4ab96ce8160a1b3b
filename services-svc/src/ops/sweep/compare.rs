//! Compares rows with vendors: finds missing resources.
//!
//! Rows are read before vendors are listed, and rows younger than the grace period are left out, so that a new resource
//! does not count as missing. A listing that lacks too much at once is not trusted. A tool that is missing in two
//! consecutive sweeps can be repaired if its instance exists. What to do about a missing service is up to Pool.

use std::collections::{BTreeMap, HashSet};

use agent_pool_core::wire::services::{Missing, SweepReport};
use agent_pool_service_kit::db::DbError;
use chrono::Utc;
use tracing::warn;

use super::listed::{Key, Kind, Listed, Provider};
use crate::app::App;
use crate::db::expected::{self, Expected};

/// Fewer missing ones than this are always trusted.
const FEWEST_DOUBTED: usize = 3;

/// The rows, read before the vendors were listed.
#[derive(Debug)]
pub(super) struct Expectations {
    resources: Vec<Expected>,
    services: Vec<Expected>,
}

/// The missing resources, and whether they may be provisioned again.
#[derive(Debug)]
pub(super) struct MissingItem {
    pub(super) missing: Missing,
    pub(super) repairable: bool,
}

pub(super) async fn load_expectations(app: &App) -> Result<Expectations, DbError> {
    let grace = app.config().sweep.grace_ms.duration();
    let mut conn = app.db().conn().await?;
    Ok(Expectations {
        resources: expected::resources(&mut conn, grace).await?,
        services: expected::services(&mut conn, grace).await?,
    })
}

/// Compares rows and listings. Providers in `failures` are left out; those not trusted are added to them.
pub(super) fn find_missing(
    expectations: &Expectations,
    providers: &[Provider],
    listed: &[Listed],
    previous: Option<&SweepReport>,
    max_percent: u8,
    failures: &mut BTreeMap<String, String>,
) -> Vec<MissingItem> {
    let present: HashSet<Key<'_>> = listed.iter().map(Listed::key).collect();
    let services = listed.iter().filter(|one| one.key().kind == Kind::Infra);
    let running: HashSet<&str> = services.map(|one| one.instance().as_str()).collect();
    let mut items = Vec::new();
    for provider in providers {
        let (provider, kind) = (provider.name(), provider.kind());
        if failures.contains_key(provider) {
            continue;
        }
        let rows = match kind {
            Kind::Tool => &expectations.resources,
            Kind::Infra => &expectations.services,
        };
        let rows: Vec<&Expected> = rows.iter().filter(|row| row.provider == provider).collect();
        let is_missing = |row: &&&Expected| {
            let id = row.id.as_str();
            !present.contains(&Key { kind, provider, id })
        };
        let missing = rows.iter().filter(is_missing);
        let missing: Vec<Missing> = missing
            .filter_map(|row| to_missing(row, previous))
            .collect();
        let doubt = doubt(missing.len(), rows.len(), max_percent);
        items.extend(missing.into_iter().map(|missing| MissingItem {
            repairable: kind == Kind::Tool
                && doubt.is_none()
                && running.contains(missing.instance_id.as_str())
                && previous.is_some_and(|report| find_in(report, &missing).is_some()),
            missing,
        }));
        if let Some(doubt) = doubt {
            warn!("the listing of {provider} is not trusted: {doubt}");
            failures.insert(provider.to_owned(), doubt);
        }
    }
    items
}

/// A row whose instance id is malformed was not written by this service, and is left out.
fn to_missing(row: &Expected, previous: Option<&SweepReport>) -> Option<Missing> {
    let mut missing = Missing {
        provider: row.provider.clone(),
        resource_id: row.id.clone(),
        instance_id: row.instance()?,
        since: Utc::now(),
        repaired: false,
    };
    if let Some(earlier) = previous.and_then(|report| find_in(report, &missing)) {
        missing.since = earlier.since;
    }
    Some(missing)
}

/// The same item in the report of the previous sweep.
fn find_in<'a>(report: &'a SweepReport, item: &Missing) -> Option<&'a Missing> {
    report.missing.iter().find(|earlier| {
        !earlier.repaired
            && earlier.provider == item.provider
            && earlier.resource_id == item.resource_id
            && earlier.instance_id == item.instance_id
    })
}

/// Why a listing that lacks `missing` of `expected` resources is not trusted.
fn doubt(missing: usize, expected: usize, max_percent: u8) -> Option<String> {
    let too_many = missing as u64 * 100 > expected as u64 * u64::from(max_percent);
    if missing > 0 && missing == expected {
        Some(format!(
            "it lists none of the {expected} resources that have rows: nothing is repaired"
        ))
    } else if missing >= FEWEST_DOUBTED && too_many {
        Some(format!(
            "it lacks {missing} of the {expected} that the rows know, more than \
             SWEEP_MAX_MISSING_PERCENT ({max_percent}): nothing is repaired"
        ))
    } else {
        None
    }
}
