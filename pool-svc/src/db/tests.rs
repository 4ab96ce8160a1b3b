//! The statements, on a real Postgres.

use std::time::Duration;

use agent_pool_core::wire::pool::{Recipe, Status};
use agent_pool_core::{InstanceId, PoolName};
use agent_pool_service_kit::auth::Principal;
use agent_pool_service_kit::cipher::Cipher;
use agent_pool_service_kit::db::{Conn, Db};
use agent_pool_service_kit::testing::eventually;
use diesel::sql_types::Text;
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;

use super::claims::{self, NewAgent, QueuePosition, TakenInstance, Taking};
use super::instances::{self, Demand, Wanted};
use super::leases::{self, Held, Pending};
use super::test_database::{agent, database, run};
use super::tick_state::{self, Bounds};
use super::{pending, views};
use crate::lifecycle::{Cause, Event, Move};

const MINUTE: Duration = Duration::from_secs(60);

const NEXT: Taking<'static> = Taking {
    pool: PoolName::DEFAULT,
    position: QueuePosition::Newcomer,
    except: &[],
    lease: MINUTE,
    claims: &[None],
};

/// The demand of a pool without its own limits.
fn demand(pool: &str, wanted: Wanted) -> Demand {
    Demand {
        max_starting: None,
        reason: String::new(),
        pool: pool.parse().unwrap(),
        recipe: Recipe::default(),
        wanted,
        max_total: u32::MAX,
    }
}

fn extra(count: u32) -> [Demand; 1] {
    [demand("default", Wanted::Extra(count))]
}

/// Takes the oldest idle instance, for a claim that has just come.
async fn take(conn: &mut Conn) -> Option<TakenInstance> {
    claims::take_oldest_idle(conn, NEXT).await.unwrap().pop()
}

fn plain() -> Cipher {
    Cipher::read("KEY", None).unwrap()
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

/// Makes a move, with the function for it.
async fn make(conn: &mut Conn, step: Move, id: &InstanceId) -> bool {
    if step == Move::TAKE {
        let taken = take(conn).await;
        taken.is_some_and(|taken| taken.id == *id)
    } else if step == Move::WAIT {
        let waiting = pending::begin(conn, &plain(), id, &agent(id).request, None, MINUTE).await;
        waiting.unwrap().is_some()
    } else if step == Move::RECORD {
        claims::record(conn, &plain(), &[agent(id)]).await.unwrap() == [id.clone()]
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
async fn an_unknown_status_or_incomplete_claim_is_corrupt() {
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
    let first = take(&mut one).await.unwrap();
    let second = take(&mut other).await.unwrap();
    assert_eq!((first.id, second.id), (oldest, younger));
    let (third, _) = tokio::join!(take(&mut other), run(&mut one, "COMMIT"));
    assert_eq!(third, None);
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
    let taken = tokio::spawn(async move { take(&mut claim).await });
    eventually("the claim waits or ends", MINUTE, async || {
        taken.is_finished() || is_waiting_for_a_row(&db).await
    })
    .await;
    run(&mut tick, "COMMIT").await;
    let taken = taken.await.unwrap();
    assert_eq!(taken.map(|taken| taken.id), Some(idle));
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    text: String,
}

#[tokio::test]
async fn a_condemned_instance_is_destroyed_only_when_it_is_let_go() {
    let db = database().await.db();
    let mut conn = db.conn().await.unwrap();
    let begun = instances::insert_starting(&mut conn, &extra(1), 9, MINUTE)
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
        leases::take_destroying(&mut conn, Pending::Fresh, 9, MINUTE)
            .await
            .unwrap(),
        []
    );
    let url = "http://h/".parse().unwrap();
    assert_eq!(
        leases::end_creation(&mut conn, id, &url, Some("sealed"), None)
            .await
            .unwrap(),
        Held::No
    );
    leases::release_destroying(&mut conn, id).await.unwrap();
    let taken = leases::take_destroying(&mut conn, Pending::Fresh, 9, MINUTE)
        .await
        .unwrap();
    assert!(taken.iter().map(|one| &one.id).eq([id]));
    assert!(!taken[0].was_claimed);
    assert_eq!(
        leases::take_destroying(&mut conn, Pending::Fresh, 9, MINUTE)
            .await
            .unwrap(),
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
        let wanted = Wanted::Deficit { warm, at_once };
        let demands = [demand("default", wanted)];
        instances::insert_starting(&mut conn, &demands, max_total, MINUTE)
            .await
            .unwrap()
            .len()
    };
    assert_eq!(begin(2, 9, 100).await, 0);
    assert_eq!(begin(4, 1, 100).await, 1);
    assert_eq!(begin(9, 9, 6).await, 1);
    assert_eq!(begin(9, 9, 6).await, 0);
}

#[tokio::test]
async fn pools_have_their_own_deficits_and_limits_and_share_the_room() {
    let db = database().await.db();
    let mut conn = db.conn().await.unwrap();
    insert(&mut conn, Status::Idle).await;
    run(
        &mut conn,
        "INSERT INTO claim_waiters (pool, lease_expires_at) VALUES ('b', now() + interval '1 m')",
    )
    .await;
    let wants = |warm| Wanted::Deficit { warm, at_once: 9 };
    let mut demands = [
        demand("default", wants(2)),
        demand("a", wants(3)),
        demand("b", wants(0)),
    ];
    let missing = instances::count_missing(&mut conn, &demands, 99).await;
    assert_eq!(missing.unwrap(), [1, 3, 1]);
    let missing = instances::count_missing(&mut conn, &demands, 4).await;
    assert_eq!(missing.unwrap(), [1, 2, 0], "there is room for 4");
    demands[1].max_total = 2;
    let begun = instances::insert_starting(&mut conn, &demands, 99, MINUTE).await;
    assert_eq!(begun.unwrap().len(), 4);
    let missing = instances::count_missing(&mut conn, &demands, 99).await;
    assert_eq!(missing.unwrap(), [0, 0, 0]);
    let pools = "SELECT string_agg(pool, ',' ORDER BY pool) AS \"QUERY PLAN\" FROM instance_events";
    let pools: Vec<Line> = sql_query(pools).load(&mut conn).await.unwrap();
    assert_eq!(pools[0].text, "a,a,b,default");
}

#[tokio::test]
async fn a_claim_takes_an_instance_of_its_pool_and_no_other() {
    let db = database().await.db();
    let mut conn = db.conn().await.unwrap();
    let (usual, other) = (
        insert(&mut conn, Status::Idle).await,
        insert(&mut conn, Status::Idle).await,
    );
    run(
        &mut conn,
        &format!("UPDATE instances SET pool = 'b' WHERE id = '{other}'"),
    )
    .await;
    let mut take = async |pool| {
        let taking = Taking { pool, ..NEXT };
        let mut taken = claims::take_oldest_idle(&mut conn, taking).await.unwrap();
        taken.pop().map(|taken| taken.id)
    };
    assert_eq!(take("b").await, Some(other));
    assert_eq!(take("b").await, None);
    assert_eq!(take("default").await, Some(usual));
}

#[tokio::test]
async fn claims_that_share_a_statement_get_the_oldest_instances_in_order() {
    let db = database().await.db();
    let mut conn = db.conn().await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(insert(&mut conn, Status::Idle).await);
    }
    let mut take = async |count| {
        let taking = Taking {
            claims: &vec![None; count],
            ..NEXT
        };
        let taken = claims::take_oldest_idle(&mut conn, taking).await.unwrap();
        let taken: Vec<_> = taken.into_iter().map(|taken| taken.id).collect();
        taken
    };
    assert_eq!(take(2).await, ids[..2]);
    assert_eq!(take(2).await, ids[2..], "fewer than asked for");
    assert_eq!(take(2).await, []);
}

#[tokio::test]
async fn the_log_says_on_whose_behalf_each_claim_of_a_shared_statement_is() {
    let db = database().await.db();
    let mut conn = db.conn().await.unwrap();
    let (oldest, younger) = (
        insert(&mut conn, Status::Idle).await,
        insert(&mut conn, Status::Idle).await,
    );
    let principal = |name: &str| {
        Some(Principal {
            name: name.to_owned(),
            source: None,
        })
    };
    let taking = Taking {
        claims: &[principal("ann"), None, principal("too-late")],
        ..NEXT
    };
    claims::take_oldest_idle(&mut conn, taking).await.unwrap();
    let by = NewAgent {
        by: principal("bob"),
        ..agent(&younger)
    };
    claims::record(&mut conn, &plain(), &[by]).await.unwrap();
    let log = "SELECT string_agg(instance_id || coalesce(principal, '-'), ',' ORDER BY id) AS \"QUERY PLAN\"
               FROM instance_events WHERE cause = 'provisioned'
                   OR (cause = 'claim' AND principal IS NOT NULL)";
    let log: Vec<Line> = sql_query(log).load(&mut conn).await.unwrap();
    assert_eq!(log[0].text, format!("{oldest}ann,{younger}bob"));
}

#[tokio::test]
async fn claims_that_share_a_statement_are_recorded_except_the_condemned() {
    let db = database().await.db();
    let mut conn = db.conn().await.unwrap();
    let claimed = insert(&mut conn, Status::Claiming).await;
    let condemned = insert(&mut conn, Status::Destroying).await;
    let agents = [agent(&condemned), agent(&claimed)];
    let recorded = claims::record(&mut conn, &plain(), &agents).await.unwrap();
    assert_eq!(recorded.as_slice(), std::slice::from_ref(&claimed));
    let status = views::find_status(&mut conn, &condemned).await.unwrap();
    assert_eq!(status, Some(Status::Destroying));
}

#[tokio::test]
async fn work_is_taken_over_only_when_its_lease_was_not_renewed() {
    let db = database().await.db();
    let mut conn = db.conn().await.unwrap();
    let new = instances::insert_starting(&mut conn, &extra(2), 9, Duration::ZERO).await;
    let new = new.unwrap();
    let (own, dead) = (new[0].id.clone(), new[1].id.clone());
    let claiming = insert(&mut conn, Status::Claiming).await;
    let own_claim = insert(&mut conn, Status::Claiming).await;
    let held = [own.clone(), own_claim.clone()];
    let taken = leases::take_expired_creations(&mut conn, &held, MINUTE).await;
    let taken: Vec<_> = taken.unwrap().into_iter().map(|new| new.id).collect();
    assert_eq!(taken, [dead], "this replica's own is only late");
    let condemned = instances::condemn_expired_claims(&mut conn, &held).await;
    assert_eq!(condemned.unwrap(), [claiming]);
    leases::renew(&mut conn, &held, MINUTE).await.unwrap();
    let taken = leases::take_expired_creations(&mut conn, &[], MINUTE).await;
    assert_eq!(taken.unwrap(), []);
    let condemned = instances::condemn_expired_claims(&mut conn, &[]).await;
    assert_eq!(condemned.unwrap(), []);
}

#[tokio::test]
async fn a_destruction_that_failed_waits_for_a_tick_behind_the_others() {
    let db = database().await.db();
    let mut conn = db.conn().await.unwrap();
    let failed = insert(&mut conn, Status::Destroying).await;
    leases::release_failed(&mut conn, &failed).await.unwrap();
    let fresh = insert(&mut conn, Status::Destroying).await;
    let mut take = async |pending| {
        let taken = leases::take_destroying(&mut conn, pending, 1, MINUTE).await;
        let ids = taken.unwrap().into_iter().map(|one| one.id);
        ids.collect::<Vec<_>>()
    };
    assert_eq!(take(Pending::All).await, [fresh]);
    assert_eq!(take(Pending::Fresh).await, []);
    assert_eq!(take(Pending::All).await, [failed]);
}

/// Diesel takes the part before the first `_` as the version, and applies one migration per version.
#[test]
fn no_two_migrations_have_the_same_version() {
    for service in ["pool", "services"] {
        let folder = format!("{}/../migrations/{service}", env!("CARGO_MANIFEST_DIR"));
        let mut versions = std::collections::BTreeSet::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let version = name.split('_').next().unwrap().to_owned();
            assert!(versions.insert(version), "{service}: {name}");
        }
    }
}

#[tokio::test]
async fn a_renewal_that_comes_after_the_end_of_its_tick_does_not_take_the_turn() {
    let db = database().await.db();
    let mut conn = db.conn().await.unwrap();
    let bounds = Bounds {
        lease: MINUTE,
        unwatched_after: MINUTE,
    };
    let ended = tick_state::begin(&mut conn, bounds).await.unwrap().unwrap();
    tick_state::end(&mut conn, ended.epoch).await.unwrap();
    tick_state::renew(&mut conn, ended.epoch, MINUTE)
        .await
        .unwrap();
    let next = tick_state::begin(&mut conn, bounds).await.unwrap();
    assert!(next.is_some(), "the next tick begins");
}
