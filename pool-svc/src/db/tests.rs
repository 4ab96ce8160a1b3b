//! The statements, on a real Postgres.

use std::time::Duration;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::Status;
use agent_pool_core::wire::runtime::ProvisionRequest;
use agent_pool_service_kit::db::{Conn, Db};
use agent_pool_service_kit::testing::{TestDatabase, eventually, fresh_database};
use diesel::sql_types::Text;
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;

use super::instances::{self, Agent, Demand, Locked, QueuePosition, Recorded, Taking, claim_sql};
use super::leases::{self, Held};
use super::{MIGRATIONS, views};
use crate::lifecycle::{Cause, Event, Move};

const MINUTE: Duration = Duration::from_secs(60);

const NEXT: Taking<'static> = Taking {
    position: QueuePosition::Newcomer,
    except: &[],
    lease: MINUTE,
};

async fn database() -> TestDatabase {
    fresh_database(MIGRATIONS, "pool").await
}

async fn run(conn: &mut Conn, statement: &str) {
    sql_query(statement).execute(conn).await.unwrap();
}

async fn insert(conn: &mut Conn, status: Status) -> InstanceId {
    let id = InstanceId::generate();
    let lease = if status == Status::Claiming {
        "now()"
    } else {
        "NULL"
    };
    run(
        conn,
        &format!(
            "INSERT INTO instances (id, name, status, url, lease_expires_at, claimed_at,
                                    conversation_id, invite_url)
             VALUES ('{id}', 'convos-agent-{id}', '{}', 'http://h/', {lease}, now(), 'c', 'i')",
            status.as_str()
        ),
    )
    .await;
    id
}

/// Makes a move by the function that this move has.
async fn make(conn: &mut Conn, step: Move, id: &InstanceId) -> bool {
    let request = ProvisionRequest {
        agent_name: "Tulip".to_owned().try_into().unwrap(),
        instructions: "Be kind.".to_owned().try_into().unwrap(),
        join_url: None,
    };
    let agent = Agent {
        request: &request,
        conversation_id: "c",
        invite_url: "i",
    };
    if step == Move::TAKE {
        let taken = instances::claim_oldest_idle(conn, NEXT).await.unwrap();
        taken.is_some_and(|taken| taken.id == *id)
    } else if step == Move::RECORD {
        instances::record_claim(conn, id, agent).await.unwrap() == Recorded::Yes
    } else {
        let causes = [(id.clone(), Cause::Killed)];
        let moved = instances::mark(conn, step, &causes).await.unwrap();
        moved.as_slice() == std::slice::from_ref(id)
    }
}

#[tokio::test]
async fn every_move_is_made_from_its_own_status_and_from_no_other() {
    let db = database().await.db();
    let mut conn = db.conn().await.unwrap();
    let moves = Status::ALL
        .into_iter()
        .flat_map(|from| Event::ALL.map(|event| Move::new(from, event)))
        .flatten();
    for step in moves {
        for is in Status::ALL {
            run(&mut conn, "DELETE FROM instances").await;
            let id = insert(&mut conn, is).await;
            let moved = make(&mut conn, step, &id).await;
            let then = views::find_status(&mut conn, &id).await.unwrap();
            let expected = if is == step.from() { step.to() } else { is };
            assert_eq!(then, Some(expected), "{is:?} {step:?}");
            assert_eq!(moved, is == step.from(), "{is:?} {step:?}");
        }
    }
}

#[tokio::test]
async fn a_row_of_no_known_status_or_half_a_claim_is_refused() {
    let db = database().await.db();
    let mut conn = db.conn().await.unwrap();
    for bad in [
        "'warm', NULL, NULL",
        "'idle', NULL, NULL",
        "'idle', 'http://h', now()",
        "'claiming', 'http://h', NULL",
        "'claimed', 'http://h', NULL",
    ] {
        let statement = format!(
            "INSERT INTO instances (id, name, status, url, lease_expires_at) VALUES ('x', 'x', {bad})"
        );
        assert!(
            sql_query(statement).execute(&mut conn).await.is_err(),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn the_oldest_idle_instance_that_nobody_else_is_taking_is_claimed() {
    let db = database().await.db();
    let (mut one, mut other) = (db.conn().await.unwrap(), db.conn().await.unwrap());
    let oldest = insert(&mut one, Status::Idle).await;
    let younger = insert(&mut one, Status::Idle).await;
    run(&mut one, "BEGIN").await;
    let first = instances::claim_oldest_idle(&mut one, NEXT)
        .await
        .unwrap()
        .unwrap();
    let second = instances::claim_oldest_idle(&mut other, NEXT)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((first.id, second.id), (oldest, younger));
    let (third, ()) = tokio::join!(
        instances::claim_oldest_idle(&mut other, NEXT),
        run(&mut one, "COMMIT"),
    );
    assert_eq!(third.unwrap(), None);
}

async fn is_waiting_for_a_row(db: &Db) -> bool {
    let waiting = "SELECT 1 FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let mut conn = db.conn().await.unwrap();
    sql_query(waiting).execute(&mut conn).await.unwrap() > 0
}

#[tokio::test]
async fn a_claim_does_not_take_a_locked_fleet_for_an_empty_one() {
    let db = database().await.db();
    let (mut tick, mut claim) = (db.conn().await.unwrap(), db.conn().await.unwrap());
    let idle = insert(&mut tick, Status::Idle).await;
    run(&mut tick, "BEGIN").await;
    run(&mut tick, "UPDATE instances SET last_healthy_at = now()").await;
    let taken = tokio::spawn(async move { instances::claim_oldest_idle(&mut claim, NEXT).await });
    eventually("the claim waits or ends", MINUTE, async || {
        taken.is_finished() || is_waiting_for_a_row(&db).await
    })
    .await;
    run(&mut tick, "COMMIT").await;
    let taken = taken.await.unwrap().unwrap();
    assert_eq!(taken.map(|taken| taken.id), Some(idle));
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    text: String,
}

#[tokio::test]
async fn the_claim_takes_its_instance_from_the_partial_index() {
    let db = database().await.db();
    let mut conn = db.conn().await.unwrap();
    run(
        &mut conn,
        "INSERT INTO instances (id, name, status, url, created_at, claimed_at, conversation_id, invite_url)
         SELECT n::text, 'n', CASE WHEN n % 10 = 0 THEN 'idle' ELSE 'claimed' END, 'u',
                now() - n * interval '1 s', now(), 'c', 'i'
         FROM generate_series(1, 2000) AS n",
    )
    .await;
    run(&mut conn, "ANALYZE instances").await;
    // The generic plan, which a statement that is run often gets.
    run(&mut conn, "SET plan_cache_mode = force_generic_plan").await;
    run(
        &mut conn,
        &format!(
            "PREPARE claim (text, text, float8, text, int8, text[]) AS {}",
            claim_sql(Locked::Skip)
        ),
    )
    .await;
    let plan: Vec<Line> =
        sql_query("EXPLAIN EXECUTE claim ('idle', 'claiming', 60, 'claim', 1, '{}')")
            .load(&mut conn)
            .await
            .unwrap();
    let plan: String = plan.into_iter().map(|line| line.text + "\n").collect();
    assert!(
        plan.contains("Index Scan using instances_created_at_idx"),
        "{plan}"
    );
    assert!(!plan.contains("Seq Scan on instances"), "{plan}");
}

#[tokio::test]
async fn a_condemned_instance_is_destroyed_only_when_it_is_let_go() {
    let db = database().await.db();
    let mut conn = db.conn().await.unwrap();
    let begun = instances::insert_starting(&mut conn, Demand::Extra(1), 9, MINUTE)
        .await
        .unwrap();
    let id = &begun[0].id;
    assert_eq!(
        leases::begin_creation(&mut conn, id, &[], MINUTE)
            .await
            .unwrap(),
        Held::Yes
    );
    let causes = [(id.clone(), Cause::Killed)];
    instances::mark(&mut conn, Move::CONDEMN_STARTING, &causes)
        .await
        .unwrap();
    assert_eq!(
        leases::take_destroying(&mut conn, 9, MINUTE).await.unwrap(),
        []
    );
    let url = "http://h/".parse().unwrap();
    assert_eq!(
        leases::end_creation(&mut conn, id, &url).await.unwrap(),
        Held::No
    );
    leases::release_destroying(&mut conn, id).await.unwrap();
    let taken = leases::take_destroying(&mut conn, 9, MINUTE).await.unwrap();
    assert_eq!(taken.as_slice(), std::slice::from_ref(id));
    assert_eq!(
        leases::take_destroying(&mut conn, 9, MINUTE).await.unwrap(),
        []
    );
}

#[tokio::test]
async fn a_deficit_counts_what_is_warm_and_never_exceeds_the_total() {
    let db = database().await.db();
    let mut conn = db.conn().await.unwrap();
    for status in [
        Status::Idle,
        Status::Starting,
        Status::Claimed,
        Status::Destroying,
    ] {
        insert(&mut conn, status).await;
    }
    let mut begin = async |warm, at_once, max_total| {
        let demand = Demand::Deficit { warm, at_once };
        instances::insert_starting(&mut conn, demand, max_total, MINUTE)
            .await
            .unwrap()
            .len()
    };
    assert_eq!(begin(2, 9, 100).await, 0);
    assert_eq!(begin(4, 1, 100).await, 1);
    assert_eq!(begin(9, 9, 6).await, 1);
    assert_eq!(begin(9, 9, 6).await, 0);
}
