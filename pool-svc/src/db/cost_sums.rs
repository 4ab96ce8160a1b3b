//! Sums of the cost ledger, which [`costs`](super::costs) writes.

use std::collections::HashMap;

use agent_pool_core::wire::pool::{BudgetPeriod, ResourceCosts, Spent};
use agent_pool_core::{InstanceId, PoolName};
use agent_pool_service_kit::db::DbError;
use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Date, Integer, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::row::{parse_id, parse_pool};

/// The name of a row that cannot be read.
const LEDGER: &str = "(ledger)";

#[derive(Debug, QueryableByName)]
struct SpendingRow {
    #[diesel(sql_type = Text)]
    pool: String,
    #[diesel(sql_type = BigInt)]
    day_micros: i64,
    #[diesel(sql_type = BigInt)]
    month_micros: i64,
}

/// What a pool has spent so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spending {
    today: u64,
    this_month: u64,
}

impl Spending {
    pub(crate) const fn in_period(self, period: BudgetPeriod) -> u64 {
        match period {
            BudgetPeriod::Day => self.today,
            BudgetPeriod::Month => self.this_month,
        }
    }
}

/// What each pool has spent today and this month; those that spent nothing are absent.
pub(crate) async fn load_spending(
    conn: &mut AsyncPgConnection,
) -> Result<HashMap<String, Spending>, DbError> {
    let rows: Vec<SpendingRow> = sql_query(
        "SELECT pool, CASE WHEN day = today THEN day_micros ELSE 0 END AS day_micros,
                CASE WHEN date_trunc('month', day) = date_trunc('month', today)
                     THEN month_micros ELSE 0 END AS month_micros
         FROM pool_spending, (SELECT (now() AT TIME ZONE 'UTC')::date AS today) AS clock",
    )
    .load(conn)
    .await?;
    let spending = |row: SpendingRow| {
        let spending = Spending {
            today: row.day_micros.unsigned_abs(),
            this_month: row.month_micros.unsigned_abs(),
        };
        (row.pool, spending)
    };
    Ok(rows.into_iter().map(spending).collect())
}

/// One sum of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sum<K> {
    pub(crate) pool: PoolName,
    pub(crate) key: K,
    pub(crate) spent: Spent,
}

#[derive(Debug, QueryableByName)]
struct SumColumns {
    #[diesel(sql_type = Text)]
    pool: String,
    #[diesel(sql_type = BigInt)]
    idle: i64,
    #[diesel(sql_type = BigInt)]
    agent: i64,
    #[diesel(sql_type = BigInt)]
    failed: i64,
}

impl SumColumns {
    fn with<K>(self, key: K) -> Result<Sum<K>, DbError> {
        Ok(Sum {
            pool: parse_pool(LEDGER, &self.pool)?,
            key,
            spent: Spent {
                idle_micros: self.idle.unsigned_abs(),
                agent_micros: self.agent.unsigned_abs(),
                failed_micros: self.failed.unsigned_abs(),
            },
        })
    }
}

/// The sums by purpose.
const SUMS: &str = "coalesce(sum(micros) FILTER (WHERE spent_on = 'idle'), 0)::int8 AS idle,
    coalesce(sum(micros) FILTER (WHERE spent_on = 'agent'), 0)::int8 AS agent,
    coalesce(sum(micros) FILTER (WHERE spent_on = 'failed'), 0)::int8 AS failed";

/// Days of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Days {
    pub(crate) since: NaiveDate,
    pub(crate) until: NaiveDate,
}

#[derive(Debug, QueryableByName)]
struct DayRow {
    #[diesel(embed)]
    sum: SumColumns,
    #[diesel(sql_type = Date)]
    day: NaiveDate,
}

/// What each pool spent on each day, oldest first.
pub(crate) async fn load_days(
    conn: &mut AsyncPgConnection,
    days: Days,
) -> Result<Vec<Sum<NaiveDate>>, DbError> {
    let rows: Vec<DayRow> = sql_query(format!(
        "SELECT pool, day, {SUMS} FROM cost_ledger WHERE day BETWEEN $1 AND $2 GROUP BY pool, day ORDER BY day"
    ))
    .bind::<Date, _>(days.since)
    .bind::<Date, _>(days.until)
    .load(conn)
    .await?;
    rows.into_iter().map(|row| row.sum.with(row.day)).collect()
}

/// An instance in a sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Payee {
    pub(crate) id: InstanceId,
    pub(crate) agent_name: Option<String>,
}

#[derive(Debug, QueryableByName)]
struct PayeeRow {
    #[diesel(embed)]
    sum: SumColumns,
    #[diesel(sql_type = Text)]
    instance_id: String,
    #[diesel(sql_type = Nullable<Text>)]
    agent_name: Option<String>,
}

/// The `most` most expensive instances of each pool, most expensive first.
pub(crate) async fn load_instances(
    conn: &mut AsyncPgConnection,
    days: Days,
    most: u16,
) -> Result<Vec<Sum<Payee>>, DbError> {
    let rows: Vec<PayeeRow> = sql_query(format!(
        "SELECT cost.pool, instance_id, agent_name, idle, agent, failed
         FROM (SELECT *, row_number() OVER (PARTITION BY pool ORDER BY idle + agent + failed DESC, instance_id) AS place
               FROM (SELECT pool, instance_id, {SUMS} FROM cost_ledger
                     WHERE day BETWEEN $1 AND $2 GROUP BY pool, instance_id) AS sums) AS cost
         LEFT JOIN instances AS i ON i.id = instance_id
         WHERE place <= $3 ORDER BY cost.pool, place"
    ))
    .bind::<Date, _>(days.since)
    .bind::<Date, _>(days.until)
    .bind::<Integer, _>(i32::from(most))
    .load(conn)
    .await?;
    let payee = |row: PayeeRow| {
        let id = parse_id(row.instance_id)?;
        let agent_name = row.agent_name;
        row.sum.with(Payee { id, agent_name })
    };
    rows.into_iter().map(payee).collect()
}

#[derive(Debug, QueryableByName)]
struct ResourceRow {
    #[diesel(sql_type = Text)]
    pool: String,
    #[diesel(sql_type = Text)]
    resource: String,
    #[diesel(sql_type = BigInt)]
    time: i64,
    #[diesel(sql_type = BigInt)]
    once: i64,
    #[diesel(sql_type = BigInt)]
    usage: i64,
}

/// What each pool spent on the resources of each provider, highest sum first.
pub(crate) async fn load_resources(
    conn: &mut AsyncPgConnection,
    days: Days,
) -> Result<Vec<(PoolName, ResourceCosts)>, DbError> {
    let rows: Vec<ResourceRow> = sql_query(
        "SELECT pool, resource, coalesce(sum(micros) FILTER (WHERE kind IN ('time', 'past')), 0)::int8 AS time,
                coalesce(sum(micros) FILTER (WHERE kind = 'once'), 0)::int8 AS once,
                coalesce(sum(micros) FILTER (WHERE kind = 'usage'), 0)::int8 AS usage
         FROM cost_ledger WHERE day BETWEEN $1 AND $2
         GROUP BY pool, resource ORDER BY pool, sum(micros) DESC, resource",
    )
    .bind::<Date, _>(days.since)
    .bind::<Date, _>(days.until)
    .load(conn)
    .await?;
    let costs = |row: ResourceRow| {
        let costs = ResourceCosts {
            resource: row.resource,
            time_micros: row.time.unsigned_abs(),
            once_micros: row.once.unsigned_abs(),
            usage_micros: row.usage.unsigned_abs(),
        };
        Ok((parse_pool(LEDGER, &row.pool)?, costs))
    };
    rows.into_iter().map(costs).collect()
}
