//! The data of the fleet page.

use std::collections::HashMap;

use agent_pool_core::wire::pool::{Counts, CreationFailure, Unobserved};
use agent_pool_service_kit::db::DbError;

use super::super::db::fleet::{self, InstanceRow};
use super::super::db::recipes;
use super::progress::{self, BatchProgress};
use super::query::FleetQuery;
use crate::app::App;
use crate::db::{creation_failures, tick_state, views};
use crate::pools::plan::{load_plans, total_target};

/// Instances per page.
pub(super) const PAGE_SIZE: u32 = 50;

/// The data of the page.
pub(super) struct Fleet {
    pub(super) counts: Counts,
    /// How many idle instances the pools keep.
    pub(super) target: u32,
    pub(super) alarm: Option<Unobserved>,
    pub(super) failures: Vec<CreationFailure>,
    /// The number of instances that match the query.
    pub(super) found: u32,
    pub(super) rows: Vec<InstanceRow>,
    /// The recipe of each pool, where it is known.
    pub(super) recipes: HashMap<String, String>,
    /// The progress of the operation that an operator just started.
    pub(super) progress: Option<BatchProgress>,
}

/// Falls back to the last page if the fleet has shrunk.
pub(super) async fn load(app: &App, query: &mut FleetQuery) -> Result<Fleet, DbError> {
    let mut conn = app.db.conn().await?;
    let filter = query.filter();
    let found = fleet::count(&mut conn, &filter).await?;
    query.page = query.page.clamp(1, page_count(found));
    let skip = (query.page - 1) * PAGE_SIZE;
    Ok(Fleet {
        counts: views::count(&mut conn).await?,
        target: total_target(&load_plans(&mut conn, &app.config.pool).await?),
        alarm: tick_state::load_doubt(&mut conn).await?,
        failures: creation_failures::load(&mut conn).await?,
        rows: fleet::load(&mut conn, &app.config.cipher, &filter, skip, PAGE_SIZE).await?,
        recipes: recipes::load(&mut conn).await?,
        progress: progress::load(&mut conn, query).await?,
        found,
    })
}

pub(super) const fn page_count(found: u32) -> u32 {
    let pages = found.div_ceil(PAGE_SIZE);
    if pages == 0 { 1 } else { pages }
}
