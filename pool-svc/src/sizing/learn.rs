//! Learns demand and lead time of a pool from the log.

use std::time::Duration;

use agent_pool_core::PoolName;
use agent_pool_service_kit::db::DbError;
use agent_pool_sizing::{Demand, HISTORY, Objective, Profile, RECENT, dispersion};
use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;

use crate::db::sizings;

/// The assumed lead time until an instance has been warmed.
const ASSUMED_LEAD: Duration = Duration::from_mins(1);
const HOUR: i64 = 3_600;

/// Demand and lead time of a pool. Computed once an hour, because the last weeks are many rows.
#[derive(Debug, Clone)]
pub(super) struct Knowledge {
    pub(super) profile: Profile,
    pub(super) lead: Duration,
    pub(super) dispersion: f64,
    /// The hour it was computed in, since 1970.
    pub(super) hour: i64,
}

/// The hour of a time, since 1970.
pub(super) fn hour_of(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(HOUR)
}

pub(super) async fn lead(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
) -> Result<Duration, DbError> {
    let measured = sizings::measure_lead(conn, pool).await?;
    Ok(measured.unwrap_or(ASSUMED_LEAD).max(Duration::from_secs(1)))
}

/// Computes it from the whole hours before `now`.
pub(super) async fn learn(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
    objective: &Objective,
    now: DateTime<Utc>,
) -> Result<Knowledge, DbError> {
    let hour = hour_of(now);
    let oldest = sizings::find_oldest_entry(conn).await?.unwrap_or(now);
    let first = hour_of(oldest.max(now - HISTORY)).min(hour);
    let since = DateTime::from_timestamp(first * HOUR, 0).unwrap_or(now);
    let mut hours = vec![0_u32; usize::try_from(hour - first).unwrap_or_default()];
    for (start, claims) in sizings::count_claims(conn, pool, since, 3_600).await? {
        let index = usize::try_from(start.div_euclid(HOUR) - first);
        if let Some(count) = index.ok().and_then(|index| hours.get_mut(index)) {
            *count = claims;
        }
    }
    let profile = Profile::of_hours(objective.zone, first, &hours);
    let lead = lead(conn, pool).await?;
    let window = u32::try_from(lead.as_secs()).unwrap_or(u32::MAX);
    let windows = sizings::count_claims(conn, pool, since, window).await?;
    let end = DateTime::from_timestamp(hour * HOUR, 0).unwrap_or(now);
    let before: Vec<_> = windows
        .into_iter()
        .filter(|(at, _)| *at < hour * HOUR)
        .collect();
    Ok(Knowledge {
        dispersion: dispersion(&profile, lead, &before, since, end),
        profile,
        lead,
        hour,
    })
}

/// The expected demand now.
pub(super) async fn demand(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
    knowledge: &Knowledge,
    now: DateTime<Utc>,
) -> Result<Demand, DbError> {
    let recent = sizings::count_claims(conn, pool, now - RECENT, 60).await?;
    let recent = recent.iter().map(|(_, claims)| *claims).sum();
    Ok(knowledge.profile.demand(now, knowledge.lead, recent))
}
