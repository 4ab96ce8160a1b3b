//! A database that fails while a claim is recorded.

use agent_pool_service_kit::db::Conn;
use agent_pool_service_kit::testing::eventually;
use diesel::sql_query;
use diesel_async::RunQueryDsl;

use crate::fake::{Fault, Op};
use crate::world::{SOON, World};

/// Fails the statement that records the claim, once; `then` changes the row before the next attempt.
async fn claim_with_interrupted_record(then: &str) -> (World, u16) {
    let world = World::new(&[]).await;
    world.idle(1).await;
    world.fake.fail(Op::Provision, Fault::Hang);
    let cut = async {
        world.asked(Op::Provision, 1).await;
        let mut holder = world.db.conn().await.unwrap();
        run(&mut holder, "BEGIN").await;
        run(&mut holder, then).await;
        world.fake.resume();
        let cut = "SELECT count(pg_terminate_backend(pid))::text AS it FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
        eventually("the statement is cut", SOON, async || {
            world.ask(cut).await.as_deref() == Some("1")
        })
        .await;
        run(&mut holder, "COMMIT").await;
    };
    let (answer, ()) = tokio::join!(world.claim("{}"), cut);
    (world, answer.status)
}

async fn run(conn: &mut Conn, statement: &str) {
    sql_query(statement).execute(conn).await.unwrap();
}

#[tokio::test]
async fn a_claim_whose_record_is_cut_is_recorded_again() {
    let (world, status) = claim_with_interrupted_record("SELECT FROM instances FOR UPDATE").await;
    assert_eq!(status, 200);
    let row = "SELECT status || conversation_id AS it FROM instances";
    let row = world.ask(row).await.unwrap();
    assert!(row.starts_with("claimedc-"), "{row}");
}

#[tokio::test]
async fn a_claim_whose_record_is_cut_after_it_took_effect_succeeds() {
    let effect = "UPDATE instances SET status = 'claimed', lease_expires_at = NULL,
                  claimed_at = now(), conversation_id = 'c', invite_url = 'i'";
    assert_eq!(claim_with_interrupted_record(effect).await.1, 200);
}
