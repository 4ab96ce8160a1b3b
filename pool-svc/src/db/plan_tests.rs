//! How Postgres plans the statements of a claim.

use std::time::Duration;

use agent_pool_core::PoolName;
use agent_pool_service_kit::cipher::Cipher;
use agent_pool_service_kit::db::Conn;
use diesel::sql_types::{Int8, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;

use super::claims::{self, Locked, QueuePosition, Taking, take_sql};
use super::test_database::{agent, fresh_conn, run};

#[derive(Debug, QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    text: String,
}

#[tokio::test]
async fn the_claim_takes_its_instance_from_the_partial_index() {
    let mut conn = fresh_conn().await;
    run(
        &mut conn,
        "INSERT INTO instances
                (id, name, status, url, created_at, claimed_at, conversation_id, invite_url, pool)
         SELECT n::text, 'n', CASE WHEN n % 10 = 0 THEN 'idle' ELSE 'claimed' END, 'u',
                now() - n * interval '1 s', now(), 'c', 'i', 'pool-' || n % 100
         FROM generate_series(1, 2000) AS n",
    )
    .await;
    run(&mut conn, "ANALYZE instances").await;
    // The generic plan, which a statement that is run often gets.
    run(&mut conn, "SET plan_cache_mode = force_generic_plan").await;
    run(
        &mut conn,
        &format!(
            "PREPARE claim (text[], text[], float8, int8, text[], text) AS {}",
            take_sql(Locked::Skip)
        ),
    )
    .await;
    let plan: Vec<Line> =
        sql_query("EXPLAIN EXECUTE claim ('{NULL}', '{NULL}', 60, 1, '{}', 'default')")
            .load(&mut conn)
            .await
            .unwrap();
    let plan: String = plan.into_iter().map(|line| line.text + "\n").collect();
    assert!(
        plan.contains("Index Scan using instances_pool_created_at_idx"),
        "{plan}"
    );
    assert!(!plan.contains("Seq Scan on instances"), "{plan}");
}

/// Takes an instance and records what was made of it.
async fn claim(conn: &mut Conn) {
    let next = Taking {
        pool: PoolName::DEFAULT,
        position: QueuePosition::Newcomer,
        except: &[],
        lease: Duration::from_mins(1),
        claims: &[None],
    };
    let taken = claims::take_oldest_idle(conn, next).await.unwrap();
    let agent = agent(&taken[0].id);
    let cipher = Cipher::read("KEY", None).unwrap();
    let recorded = claims::record(conn, &cipher, std::slice::from_ref(&agent)).await;
    assert_eq!(recorded.unwrap(), [agent.id]);
}

#[derive(Debug, QueryableByName)]
struct Plans {
    #[diesel(sql_type = Int8)]
    custom: i64,
    #[diesel(sql_type = Int8)]
    generic: i64,
}

/// Postgres plans a statement for its parameters the first five times, and after that as long as a plan for any
/// parameters looks more expensive.
#[tokio::test]
async fn the_statements_of_a_claim_are_not_planned_each_time() {
    let mut conn = fresh_conn().await;
    let fill = "INSERT INTO instances (id, name, status, url)
         SELECT 'i' || lpad(n::text, 11, '0'), 'n', 'idle', 'http://h' FROM generate_series(1, 20000) AS n";
    run(&mut conn, fill).await;
    run(&mut conn, "ANALYZE instances").await;
    for _ in 0..10 {
        claim(&mut conn).await;
    }
    let plans: Vec<Plans> = sql_query(
        "SELECT custom_plans AS custom, generic_plans AS generic FROM pg_prepared_statements
         WHERE statement LIKE 'WITH moved AS (UPDATE %'",
    )
    .load(&mut conn)
    .await
    .unwrap();
    assert_eq!(plans.len(), 2, "{plans:?}");
    let settled = |plans: &Plans| (plans.custom, plans.generic) == (5, 5);
    assert!(plans.iter().all(settled), "{plans:?}");
}
