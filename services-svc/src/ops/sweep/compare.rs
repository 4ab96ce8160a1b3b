//! What rows know and vendors do not.
//!
//! Rows are read before vendors are listed, and those that are younger than the grace period are left
//! out, so that what was just made is not missed. A listing that lacks too much at once is not
//! believed. What is missing in two sweeps, one after the other, can be repaired: a tool is made anew
//! where its instance is there. A service that is missing is Pool's to decide on.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use agent_pool_core::wire::services::{Missing, SweepReport};
use agent_pool_core::{InstanceId, ToolId, chain};
use agent_pool_service_kit::db::DbError;
use chrono::Utc;
use futures_util::{StreamExt, stream};
use tracing::warn;

use super::found::{Found, Provider};
use crate::app::App;
use crate::db::standing::{self, Standing};
use crate::ops::repair_tool::repair_tool;

/// Of how many instances tools are repaired at once.
const AT_ONCE: usize = 8;
/// Fewer than these are always believed to be missing.
const FEWEST_DOUBTED: usize = 3;

/// What the rows said before the vendors were listed.
#[derive(Debug)]
pub(super) struct Known {
    resources: Vec<Standing>,
    services: Vec<Standing>,
}

/// What is missing, and which of it may be repaired.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) missing: Vec<Missing>,
    /// Whether each of `missing` may be.
    repairable: Vec<bool>,
}

pub(super) async fn known(app: &App) -> Result<Known, DbError> {
    let grace = app.config().sweep.grace_ms.duration();
    let mut conn = app.db().conn().await?;
    Ok(Known {
        resources: standing::resources(&mut conn, grace).await?,
        services: standing::services(&mut conn, grace).await?,
    })
}

/// Compares rows and listings. Providers in `failures` are left out; those not believed join them.
pub(super) fn look(
    known: &Known,
    providers: &[Provider],
    listed: &[Found],
    before: Option<&SweepReport>,
    max_percent: u8,
    failures: &mut BTreeMap<String, String>,
) -> Looked {
    let there: HashSet<_> = listed.iter().map(Found::key).collect();
    let running: HashSet<&str> = listed
        .iter()
        .filter(|one| one.is_service())
        .map(|one| one.instance().as_str())
        .collect();
    let mut looked = Looked::default();
    for provider in providers {
        let name = provider.name();
        if failures.contains_key(name) {
            continue;
        }
        let is_tool = provider.as_tool().is_some();
        let rows = if is_tool {
            &known.resources
        } else {
            &known.services
        };
        let rows: Vec<&Standing> = rows.iter().filter(|row| row.0 == name).collect();
        let gone = rows
            .iter()
            .filter(|row| !there.contains(&(is_tool, name, row.1.as_str())));
        let missing: Vec<Missing> = gone.filter_map(|row| missing(row, before)).collect();
        let doubt = doubt(missing.len(), rows.len(), max_percent);
        for one in missing {
            let twice = before.is_some_and(|before| had(before, &one).is_some());
            let there = running.contains(one.instance_id.as_str());
            let may = is_tool && twice && there && doubt.is_none();
            looked.repairable.push(may);
            looked.missing.push(one);
        }
        if let Some(doubt) = doubt {
            warn!("{name} is not believed: {doubt}");
            failures.insert(name.to_owned(), doubt);
        }
    }
    looked
}

/// A row whose instance id is none was not written by us.
fn missing(row: &Standing, before: Option<&SweepReport>) -> Option<Missing> {
    let (provider, resource, instance) = row;
    let mut one = Missing {
        provider: provider.clone(),
        resource_id: resource.clone(),
        instance_id: instance.parse().ok()?,
        since: Utc::now(),
        repaired: false,
    };
    if let Some(earlier) = before.and_then(|before| had(before, &one)) {
        one.since = earlier.since;
    }
    Some(one)
}

/// The same in the report of the sweep before.
fn had<'a>(before: &'a SweepReport, one: &Missing) -> Option<&'a Missing> {
    before.missing.iter().find(|earlier| {
        !earlier.repaired
            && earlier.provider == one.provider
            && earlier.resource_id == one.resource_id
            && earlier.instance_id == one.instance_id
    })
}

/// Why a listing that lacks `missing` of `known` is not believed.
fn doubt(missing: usize, known: usize, max_percent: u8) -> Option<String> {
    let share = missing as u64 * 100 > known as u64 * u64::from(max_percent);
    if missing > 0 && missing == known {
        Some(format!(
            "it lists none of the {known} that the rows know: nothing is repaired"
        ))
    } else if missing >= FEWEST_DOUBTED && share {
        Some(format!(
            "it lacks {missing} of the {known} that the rows know, more than \
             SWEEP_MAX_MISSING_PERCENT ({max_percent}): nothing is repaired"
        ))
    } else {
        None
    }
}

/// Repairs what may be, one instance after the other; marks what is.
pub(super) async fn repair_all(
    app: &App,
    looked: &mut Looked,
    failures: &mut BTreeMap<String, String>,
) {
    let wanted = looked.missing.iter().zip(&looked.repairable);
    let wanted: Vec<&Missing> = wanted
        .filter(|(_, may)| **may)
        .map(|(one, _)| one)
        .collect();
    let instances: BTreeSet<&InstanceId> = wanted.iter().map(|one| &one.instance_id).collect();
    let attempts: Vec<_> = instances
        .into_iter()
        .map(|instance| {
            let of_one = wanted
                .iter()
                .filter(move |one| one.instance_id == *instance);
            repair_of_one(app, of_one.copied().collect())
        })
        .collect();
    let results: Vec<_> = stream::iter(attempts)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let results: Vec<(Missing, Option<String>)> = results.into_iter().flatten().collect();
    for (one, failure) in results {
        match failure {
            Some(failure) => {
                failures.insert(one.provider, failure);
            }
            None => looked
                .missing
                .iter_mut()
                .filter(|known| **known == one)
                .for_each(|known| known.repaired = true),
        }
    }
}

/// An instance has one lease: its tools are repaired one after the other. Each with why it was not.
async fn repair_of_one(app: &App, missing: Vec<&Missing>) -> Vec<(Missing, Option<String>)> {
    let mut results = Vec::new();
    for one in missing {
        let instance = &one.instance_id;
        let (Ok(tool), Ok(resource)) = (one.provider.parse::<ToolId>(), one.resource_id.parse())
        else {
            continue;
        };
        let failure = match repair(app, instance, &tool, &resource).await {
            Ok(true) => None,
            Ok(false) => continue,
            Err(error) => {
                warn!(
                    instance.id = %instance,
                    error.chain = chain(&error),
                    "{tool} of instance {instance} is not repaired"
                );
                Some(error.to_string())
            }
        };
        results.push((one.clone(), failure));
    }
    results
}
