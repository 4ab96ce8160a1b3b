//! The tables of costs: what resources cost while they exist, and the ledger by day. [`cost_sums`](super::cost_sums)
//! reads the ledger.
//!
//! They are `sql_query`, because Diesel has neither series of days nor INSERT … SELECT of what it computes.

use std::collections::BTreeMap;

use agent_pool_core::{InstanceId, Price};
use agent_pool_service_kit::db::DbError;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Integer, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::row::{IdRow, parse_id};

/// Days for which the ledger keeps its entries.
pub(crate) const KEEP_DAYS: u16 = 400;

fn bigint(micros: u64) -> i64 {
    i64::try_from(micros).unwrap_or(i64::MAX)
}

/// Since when resources cost money, and who pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// The creation of the instance: its pool pays.
    Creation,
    /// Now, for a claim or an agent that pays.
    Now,
}

/// Stores the prices of resources of an instance, by provider id. Idempotent.
pub(crate) async fn insert_prices(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
    prices: &BTreeMap<String, Price>,
    since: Since,
) -> Result<(), DbError> {
    if prices.is_empty() {
        return Ok(());
    }
    let resources: Vec<&str> = prices.keys().map(String::as_str).collect();
    let (since, payer) = match since {
        Since::Creation => ("i.created_at", "idle"),
        Since::Now => {
            keep_past(conn, id, &resources).await?;
            ("now()", "agent")
        }
    };
    let hourly = prices.values().map(|price| bigint(price.hourly_micros()));
    let once = prices.values().map(|price| bigint(price.once_micros));
    // An existing row belongs to a resource that was released, or that has only reported usage so far.
    sql_query(format!(
        "WITH new AS (
             INSERT INTO instance_costs AS c (instance_id, resource, pool, per_hour_micros, since, charged_until)
             SELECT i.id, price.resource, i.pool, price.hourly, {since}, {since}
             FROM instances AS i, unnest($2, $3) AS price (resource, hourly) WHERE i.id = $1
             ON CONFLICT (instance_id, resource) DO UPDATE
                 SET per_hour_micros = excluded.per_hour_micros, since = excluded.since,
                     charged_until = excluded.charged_until, ended_at = NULL, settled = false
                 WHERE c.ended_at IS NOT NULL OR c.per_hour_micros = 0 AND excluded.per_hour_micros > 0
             RETURNING instance_id, resource, pool)
         INSERT INTO cost_ledger AS l (day, instance_id, resource, spent_on, kind, pool, micros)
         SELECT (now() AT TIME ZONE 'UTC')::date, instance_id, resource, '{payer}', 'once', pool, price.once
         FROM new JOIN unnest($2, $4) AS price (resource, once) USING (resource)
         WHERE price.once > 0
         ON CONFLICT (day, instance_id, resource, spent_on, kind)
             DO UPDATE SET micros = l.micros + excluded.micros"
    ))
    .bind::<Text, _>(id.as_str())
    .bind::<Array<Text>, _>(resources)
    .bind::<Array<BigInt>, _>(hourly.collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(once.collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps the past costs of resources that were released and exist again now, because their time is computed anew.
async fn keep_past(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
    resources: &[&str],
) -> Result<(), DbError> {
    sql_query(
        "WITH past AS (
             DELETE FROM cost_ledger AS l USING instance_costs AS c
             WHERE c.instance_id = $1 AND c.resource = ANY ($2) AND c.ended_at IS NOT NULL
               AND l.instance_id = c.instance_id AND l.resource = c.resource AND l.kind = 'time'
             RETURNING l.*)
         INSERT INTO cost_ledger AS l (day, instance_id, resource, spent_on, kind, pool, micros)
         SELECT day, instance_id, resource, spent_on, 'past', pool, micros FROM past
         ON CONFLICT (day, instance_id, resource, spent_on, kind)
             DO UPDATE SET micros = l.micros + excluded.micros",
    )
    .bind::<Text, _>(id.as_str())
    .bind::<Array<Text>, _>(resources)
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores that an instance has released a resource.
pub(crate) async fn end_price(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
    resource: &str,
) -> Result<(), DbError> {
    sql_query(
        "UPDATE instance_costs SET ended_at = now()
         WHERE instance_id = $1 AND resource = $2 AND ended_at IS NULL",
    )
    .bind::<Text, _>(id.as_str())
    .bind::<Text, _>(resource)
    .execute(conn)
    .await?;
    Ok(())
}

/// Brings the ledger up to date: adds what resources cost until now. Call it in a transaction.
///
/// The amounts of each day are recomputed from the intervals, so this may be repeated at any time.
pub(crate) async fn charge(conn: &mut AsyncPgConnection) -> Result<(), DbError> {
    follow_log(conn).await?;
    charge_time(conn).await?;
    settle(conn).await?;
    sum_up(conn).await
}

/// When the instances became idle, were claimed and ended, and which pool they belong to.
async fn follow_log(conn: &mut AsyncPgConnection) -> Result<(), DbError> {
    sql_query(
        "UPDATE instance_costs AS c
         SET idle_at = coalesce(c.idle_at, life.idle_at), claimed_at = coalesce(c.claimed_at, life.claimed_at),
             ended_at = coalesce(c.ended_at, life.ended_at), pool = coalesce(life.pool, c.pool)
         FROM (SELECT open.instance_id, i.pool,
                      min(at) FILTER (WHERE to_status = 'idle') AS idle_at,
                      min(at) FILTER (WHERE to_status = 'claimed' AND from_status IS DISTINCT FROM to_status) AS claimed_at,
                      max(at) FILTER (WHERE to_status IS NULL) AS ended_at
               FROM (SELECT DISTINCT instance_id FROM instance_costs WHERE NOT settled) AS open
               LEFT JOIN instance_events USING (instance_id)
               LEFT JOIN instances AS i ON i.id = open.instance_id
               GROUP BY open.instance_id, i.pool) AS life
         WHERE NOT c.settled AND c.instance_id = life.instance_id
           AND (c.idle_at IS NULL AND life.idle_at IS NOT NULL
                OR c.claimed_at IS NULL AND life.claimed_at IS NOT NULL
                OR c.ended_at IS NULL AND life.ended_at IS NOT NULL
                OR c.pool <> life.pool)",
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Charges the open resources for each day, beginning the day before they were last charged: the log may since have
/// an entry about a claim or an end on that day. Each day has the part before and the part after the claim.
async fn charge_time(conn: &mut AsyncPgConnection) -> Result<(), DbError> {
    sql_query(
        "WITH open AS (
             SELECT *, since AT TIME ZONE 'UTC' AS made, coalesce(ended_at, now()) AT TIME ZONE 'UTC' AS over,
                    claimed_at AT TIME ZONE 'UTC' AS claimed,
                    date_trunc('day', charged_until AT TIME ZONE 'UTC') - interval '1 day' AS first_day
             FROM instance_costs WHERE NOT settled AND per_hour_micros > 0
         ), fresh AS (
             SELECT day::date AS day, instance_id, resource, spent_on, pool,
                    round(per_hour_micros * extract(epoch FROM least(upto, day + interval '1 day')
                                                             - greatest(begun, day)) / 3600)::int8 AS micros
             FROM open, generate_series(first_day, over, interval '1 day') AS day,
                  LATERAL (VALUES ('idle', made, least(over, coalesce(claimed, over))),
                                  ('agent', greatest(made, coalesce(claimed, over)), over))
                      AS part (spent_on, begun, upto)
             WHERE least(upto, day + interval '1 day') > greatest(begun, day)
         ), removed AS (
             DELETE FROM cost_ledger AS l USING open
             WHERE l.instance_id = open.instance_id AND l.resource = open.resource AND l.kind = 'time'
               AND l.day >= open.first_day::date
               AND NOT EXISTS (SELECT FROM fresh AS f
                               WHERE (f.day, f.instance_id, f.resource, f.spent_on)
                                     = (l.day, l.instance_id, l.resource, l.spent_on))
         )
         INSERT INTO cost_ledger AS l (day, instance_id, resource, spent_on, kind, pool, micros)
         SELECT day, instance_id, resource, spent_on, 'time', pool, micros FROM fresh
         ON CONFLICT (day, instance_id, resource, spent_on, kind)
             DO UPDATE SET micros = excluded.micros, pool = excluded.pool
             WHERE (l.micros, l.pool) <> (excluded.micros, excluded.pool)",
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn settle(conn: &mut AsyncPgConnection) -> Result<(), DbError> {
    sql_query(
        "WITH done AS (
             UPDATE instance_costs
             SET charged_until = coalesce(ended_at, now()), settled = ended_at IS NOT NULL
             WHERE NOT settled
             RETURNING instance_id, settled AND idle_at IS NULL AND claimed_at IS NULL AS failed)
         UPDATE cost_ledger AS l SET spent_on = 'failed'
         FROM (SELECT DISTINCT instance_id FROM done WHERE failed) AS failed
         WHERE l.instance_id = failed.instance_id AND l.spent_on = 'idle'",
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn sum_up(conn: &mut AsyncPgConnection) -> Result<(), DbError> {
    sql_query(
        "INSERT INTO pool_spending (pool, day, day_micros, month_micros)
         SELECT pool, today, coalesce(sum(micros) FILTER (WHERE l.day = today), 0)::int8, sum(micros)::int8
         FROM (SELECT (now() AT TIME ZONE 'UTC')::date AS today) AS clock
         JOIN cost_ledger AS l ON l.day BETWEEN date_trunc('month', today)::date AND today
         GROUP BY pool, today
         ON CONFLICT (pool) DO UPDATE
             SET day = excluded.day, day_micros = excluded.day_micros, month_micros = excluded.month_micros
             WHERE (pool_spending.day, pool_spending.day_micros, pool_spending.month_micros)
                   <> (excluded.day, excluded.day_micros, excluded.month_micros)",
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What a resource of an instance has used since it was created, in millionths of a US dollar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) id: InstanceId,
    pub(crate) resource: String,
    pub(crate) micros: u64,
}

/// Adds the usage since the last report to the ledger.
pub(crate) async fn record_usage(
    conn: &mut AsyncPgConnection,
    used: &[Used],
) -> Result<(), DbError> {
    let ids: Vec<&str> = used.iter().map(|one| one.id.as_str()).collect();
    let resources: Vec<&str> = used.iter().map(|one| one.resource.as_str()).collect();
    let micros: Vec<i64> = used.iter().map(|one| bigint(one.micros)).collect();
    // A number that falls belongs to a new resource, or to a new period.
    sql_query(
        "WITH reported AS (
             SELECT i.id, i.pool, i.created_at, CASE WHEN i.claimed_at IS NULL THEN 'idle' ELSE 'agent' END AS spent_on,
                    used.resource, used.micros,
                    greatest(0, used.micros - coalesce(c.used_micros, 0)) AS more
             FROM unnest($1, $2, $3) AS used (id, resource, micros)
             JOIN instances AS i ON i.id = used.id
             LEFT JOIN instance_costs AS c ON c.instance_id = used.id AND c.resource = used.resource
         ), noted AS (
             INSERT INTO instance_costs AS c
                 (instance_id, resource, pool, per_hour_micros, since, charged_until, used_micros)
             SELECT id, resource, pool, 0, created_at, created_at, micros FROM reported
             ON CONFLICT (instance_id, resource) DO UPDATE SET used_micros = excluded.used_micros
         )
         INSERT INTO cost_ledger AS l (day, instance_id, resource, spent_on, kind, pool, micros)
         SELECT (now() AT TIME ZONE 'UTC')::date, id, resource, spent_on, 'usage', pool, more
         FROM reported WHERE more > 0
         ON CONFLICT (day, instance_id, resource, spent_on, kind)
             DO UPDATE SET micros = l.micros + excluded.micros, pool = excluded.pool",
    )
    .bind::<Array<Text>, _>(ids)
    .bind::<Array<Text>, _>(resources)
    .bind::<Array<BigInt>, _>(micros)
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes old entries.
pub(crate) async fn prune(conn: &mut AsyncPgConnection) -> Result<(), DbError> {
    sql_query("DELETE FROM cost_ledger WHERE day < (now() AT TIME ZONE 'UTC')::date - $1")
        .bind::<Integer, _>(i32::from(KEEP_DAYS))
        .execute(conn)
        .await?;
    sql_query(
        "DELETE FROM instance_costs WHERE settled AND ended_at < now() - make_interval(days => $1)",
    )
    .bind::<Integer, _>(i32::from(KEEP_DAYS))
    .execute(conn)
    .await?;
    Ok(())
}

/// The ids of the instances whose tools may be used, for [`record_usage`].
pub(crate) async fn load_agents(conn: &mut AsyncPgConnection) -> Result<Vec<InstanceId>, DbError> {
    let rows: Vec<IdRow> =
        sql_query("SELECT id FROM instances WHERE status IN ('claimed', 'crashed') ORDER BY id")
            .load(conn)
            .await?;
    rows.into_iter().map(|row| parse_id(row.id)).collect()
}

#[cfg(test)]
mod tests {
    use agent_pool_core::wire::pool::{BudgetPeriod, Spent};
    use agent_pool_service_kit::db::Conn;
    use chrono::NaiveDate;

    use super::super::cost_sums::{
        Days, Sum, load_days, load_instances, load_resources, load_spending,
    };
    use super::*;
    use crate::db::test_database::{fresh_conn, run};

    const ID: &str = "k3v9x0a1b2c3";

    /// An instance that costs 24 dollars a day for a vendor, and 2 dollars once for another; made at noon two days ago.
    async fn priced() -> Conn {
        let mut conn = fresh_conn().await;
        run(
            &mut conn,
            &format!(
                "INSERT INTO instances (id, name, status, lease_expires_at, created_at)
                 VALUES ('{ID}', 'n', 'starting', now(),
                         (date_trunc('day', now() AT TIME ZONE 'UTC') - interval '36 h') AT TIME ZONE 'UTC')"
            ),
        )
        .await;
        let hour = Price {
            per_hour_micros: 1_000_000,
            ..Price::default()
        };
        let once = Price {
            once_micros: 2_000_000,
            ..Price::default()
        };
        let prices = [("cloud".to_owned(), hour), ("phone".to_owned(), once)].into();
        for _ in 0..2 {
            insert_prices(&mut conn, &ID.parse().unwrap(), &prices, Since::Creation)
                .await
                .unwrap();
        }
        conn
    }

    /// Moves the instance, this many hours after its creation.
    async fn log(conn: &mut Conn, from: &str, to: &str, hours: u32) {
        let statement = format!(
            "INSERT INTO instance_events (instance_id, from_status, to_status, cause, pool, at)
             SELECT '{ID}', {from}, {to}, 'x', 'default', since + interval '{hours} h'
             FROM instance_costs WHERE resource = 'cloud'"
        );
        run(conn, &statement).await;
    }

    async fn by_day(conn: &mut Conn) -> Vec<(u64, u64, u64)> {
        charge(conn).await.unwrap();
        let all = Days {
            since: "2000-01-01".parse().unwrap(),
            until: "2999-01-01".parse().unwrap(),
        };
        let days = load_days(conn, all).await.unwrap();
        let dollars = |sum: &Sum<NaiveDate>| {
            let Spent {
                idle_micros,
                agent_micros,
                failed_micros,
            } = sum.spent;
            let whole = |micros: u64| micros / 1_000_000;
            (
                whole(idle_micros),
                whole(agent_micros),
                whole(failed_micros),
            )
        };
        days.iter().map(dollars).collect()
    }

    #[tokio::test]
    async fn idle_time_is_the_pools_and_claimed_time_the_agents_by_day() {
        let mut conn = priced().await;
        log(&mut conn, "'starting'", "'idle'", 1).await;
        log(&mut conn, "'idle'", "'claiming'", 17).await;
        log(&mut conn, "'claiming'", "'claimed'", 18).await;
        log(&mut conn, "'claimed'", "'claimed'", 19).await;
        for _ in 0..2 {
            let days = by_day(&mut conn).await;
            assert_eq!(days[..2], [(12, 0, 0), (6, 18, 0)], "{days:?}");
            assert_eq!(days[2].0, 2, "once, when it was noted");
        }
        log(&mut conn, "'destroying'", "NULL", 30).await;
        let days = by_day(&mut conn).await;
        assert_eq!(days[1], (6, 12, 0), "the overcharge is corrected");
        run(&mut conn, "DELETE FROM instance_events").await;
        assert_eq!(by_day(&mut conn).await, days, "what is settled stays");
    }

    #[tokio::test]
    async fn an_instance_that_never_was_idle_is_a_failed_creation() {
        let mut conn = priced().await;
        log(&mut conn, "'destroying'", "NULL", 3).await;
        let days = by_day(&mut conn).await;
        assert_eq!(days, [(0, 0, 3), (0, 0, 2)]);
        let spending = load_spending(&mut conn).await.unwrap();
        let today = spending["default"].in_period(BudgetPeriod::Day);
        assert_eq!(today, 2_000_000);
    }

    #[tokio::test]
    async fn a_tool_that_is_given_back_and_had_again_costs_while_it_is_there() {
        let mut conn = priced().await;
        let id = ID.parse().unwrap();
        let number = Price {
            per_hour_micros: 1_000_000,
            once_micros: 5_000_000,
            ..Price::default()
        };
        let prices = [("number".to_owned(), number)].into();
        // Two periods of two hours, however often its price is stored meanwhile.
        for _ in 0..2 {
            for _ in 0..2 {
                insert_prices(&mut conn, &id, &prices, Since::Now)
                    .await
                    .unwrap();
            }
            end_price(&mut conn, &id, "number").await.unwrap();
            let earlier = "UPDATE instance_costs
                 SET since = ended_at - interval '2 h', claimed_at = ended_at
                 WHERE resource = 'number'";
            run(&mut conn, earlier).await;
            charge(&mut conn).await.unwrap();
        }
        let all = Days {
            since: "2000-01-01".parse().unwrap(),
            until: "2999-01-01".parse().unwrap(),
        };
        let resources = load_resources(&mut conn, all).await.unwrap();
        let (_, costs) = resources
            .iter()
            .find(|(_, costs)| costs.resource == "number")
            .unwrap();
        assert_eq!(
            (costs.time_micros, costs.once_micros),
            (4_000_000, 10_000_000)
        );
    }

    #[tokio::test]
    async fn usage_is_charged_by_what_is_more_than_before() {
        let mut conn = priced().await;
        run(
            &mut conn,
            "UPDATE instances SET status = 'claimed', url = 'http://h/', lease_expires_at = NULL,
                 claimed_at = now(), conversation_id = 'c', invite_url = 'i'",
        )
        .await;
        for (micros, total) in [
            (500_000, 500_000),
            (800_000, 800_000),
            (100_000, 800_000),
            (300_000, 1_000_000),
        ] {
            let used = Used {
                id: ID.parse().unwrap(),
                resource: "openrouter".to_owned(),
                micros,
            };
            record_usage(&mut conn, &[used]).await.unwrap();
            let all = Days {
                since: "2000-01-01".parse().unwrap(),
                until: "2999-01-01".parse().unwrap(),
            };
            let resources = load_resources(&mut conn, all).await.unwrap();
            let openrouter = resources
                .iter()
                .find(|(_, costs)| costs.resource == "openrouter");
            assert_eq!(openrouter.unwrap().1.usage_micros, total);
            let instances = load_instances(&mut conn, all, 1).await.unwrap();
            assert_eq!(instances[0].key.id.as_str(), ID);
        }
        assert_eq!(load_agents(&mut conn).await.unwrap().len(), 1);
        prune(&mut conn).await.unwrap();
    }
}
