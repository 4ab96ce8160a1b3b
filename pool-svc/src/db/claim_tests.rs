//! The queue of claims and their keys, on a real Postgres.

use std::time::Duration;

use agent_pool_core::wire::pool::{ClaimOutcome, Claimed, Recipe};
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_core::{InstanceId, PoolName};
use agent_pool_service_kit::cipher::Cipher;
use agent_pool_service_kit::db::Conn;

use super::claim_keys::{self, KeyState, Run, StoredFailure};
use super::claim_waiters;
use super::claims::{self, QueuePosition, Taking};
use super::instances::{self, Demand, Wanted};
use super::leases::Held;
use super::test_database::{fresh_conn, run};

const MINUTE: Duration = Duration::from_secs(60);
const OVER: Duration = Duration::ZERO;

async fn idle(conn: &mut Conn) -> InstanceId {
    let id = InstanceId::generate();
    let insert =
        "INSERT INTO instances (id, name, status, url) VALUES ('{id}', 'n', 'idle', 'http://h')";
    run(conn, &insert.replace("{id}", id.as_str())).await;
    id
}

fn numbers(line: Vec<claim_waiters::Waiter>) -> Vec<i64> {
    line.into_iter().map(|waiter| waiter.id).collect()
}

async fn join(conn: &mut Conn, lease: Duration) -> i64 {
    let joined = claim_waiters::join(conn, None, PoolName::DEFAULT, lease);
    joined.await.unwrap()
}

async fn take(
    conn: &mut Conn,
    position: QueuePosition,
    except: &[InstanceId],
) -> Option<InstanceId> {
    let taking = Taking {
        pool: PoolName::DEFAULT,
        position,
        except,
        lease: MINUTE,
        claims: &[None],
    };
    let mut taken = claims::take_oldest_idle(conn, taking).await.unwrap();
    taken.pop().map(|taken| taken.id)
}

#[tokio::test]
async fn the_first_waiter_gets_the_instance() {
    let mut conn = fresh_conn().await;
    let dead = join(&mut conn, OVER).await;
    let first = join(&mut conn, MINUTE).await;
    let second = join(&mut conn, MINUTE).await;
    let (one, two, three) = (
        idle(&mut conn).await,
        idle(&mut conn).await,
        idle(&mut conn).await,
    );
    for position in [QueuePosition::Newcomer, QueuePosition::Waiter(second)] {
        assert_eq!(take(&mut conn, position, &[]).await, None, "{position:?}");
    }
    assert_eq!(
        take(&mut conn, QueuePosition::Served, std::slice::from_ref(&one)).await,
        Some(two)
    );
    assert_eq!(
        take(&mut conn, QueuePosition::Waiter(first), &[]).await,
        Some(one)
    );
    assert_eq!(take(&mut conn, QueuePosition::Newcomer, &[]).await, None);
    let line = claim_waiters::look(&mut conn, &[second], MINUTE).await;
    assert_eq!(numbers(line.unwrap()), [second]);
    claim_waiters::leave(&mut conn, second).await.unwrap();
    assert_eq!(
        take(&mut conn, QueuePosition::Newcomer, &[]).await,
        Some(three)
    );
    assert!(dead < first && first < second);
}

#[tokio::test]
async fn reading_the_queue_renews_only_own_waiters() {
    let mut conn = fresh_conn().await;
    let own = join(&mut conn, OVER).await;
    join(&mut conn, OVER).await;
    for mine in [&[own][..], &[]] {
        let line = claim_waiters::look(&mut conn, mine, MINUTE).await.unwrap();
        assert_eq!(numbers(line), [own]);
    }
    claim_waiters::leave(&mut conn, own).await.unwrap();
    let line = claim_waiters::look(&mut conn, &[own], MINUTE)
        .await
        .unwrap();
    assert!(line.is_empty(), "a claim that left is not brought back");
    let again = claim_waiters::join(&mut conn, Some(own), "default", MINUTE)
        .await
        .unwrap();
    assert_eq!(again, own, "a claim that waits again has its earlier place");
}

#[tokio::test]
async fn a_deficit_counts_those_who_wait_and_never_exceeds_the_total() {
    let mut conn = fresh_conn().await;
    join(&mut conn, OVER).await;
    for _ in 0..4 {
        join(&mut conn, MINUTE).await;
    }
    idle(&mut conn).await;
    let mut begin = async |warm, max_total| {
        let demand = Demand {
            max_starting: None,
            reason: String::new(),
            pool: PoolName::default(),
            recipe: Recipe::default(),
            wanted: Wanted::Deficit { warm, at_once: 9 },
            max_total: 99,
        };
        let begun = instances::insert_starting(&mut conn, &[demand], max_total, MINUTE).await;
        begun.unwrap().len()
    };
    assert_eq!(begin(0, 3).await, 2);
    assert_eq!(begin(0, 9).await, 1);
    assert_eq!(begin(1, 9).await, 1);
    assert_eq!(begin(1, 9).await, 0);
}

async fn begin(conn: &mut Conn, request: &str, lease: Duration) -> Option<Run> {
    claim_keys::begin(conn, &plain(), "k", request, lease)
        .await
        .unwrap()
}

async fn answer(conn: &mut Conn, run: &Run, outcome: &ClaimOutcome) {
    let cipher = plain();
    let answered = claim_keys::answer(conn, &cipher, run, outcome);
    answered.await.unwrap();
}

async fn fail(conn: &mut Conn, run: &Run, failure: Option<&StoredFailure>) {
    let cipher = plain();
    let failed = claim_keys::fail(conn, &cipher, run, failure);
    failed.await.unwrap();
}

async fn state(conn: &mut Conn) -> KeyState {
    let seen = claim_keys::find(conn, &plain(), "k", "{}")
        .await
        .unwrap()
        .unwrap();
    assert!(seen.same_request);
    seen.state
}

/// Stores values in the clear, so that the SQL of a test can read them.
fn plain() -> Cipher {
    Cipher::read("KEY", None).unwrap()
}

fn claimed() -> ClaimOutcome {
    ClaimOutcome::Claimed(Claimed {
        invite_url: "https://chat/x".to_owned().try_into().unwrap(),
        conversation_id: "c".to_owned().try_into().unwrap(),
        instance_id: InstanceId::generate(),
        joined: false,
    })
}

#[tokio::test]
async fn a_key_has_one_run_at_a_time_and_who_lost_it_records_nothing() {
    let mut conn = fresh_conn().await;
    assert_eq!(
        claim_keys::find(&mut conn, &plain(), "k", "{}")
            .await
            .unwrap(),
        None
    );
    let dead = begin(&mut conn, "{}", OVER).await.unwrap();
    assert_eq!(state(&mut conn).await, KeyState::Abandoned);
    let run = begin(&mut conn, "{}", MINUTE).await.unwrap();
    assert_eq!(state(&mut conn).await, KeyState::InFlight);
    assert_eq!(begin(&mut conn, "{}", MINUTE).await, None);
    assert_eq!(claim_keys::hold(&mut conn, &dead).await.unwrap(), Held::No);
    assert_eq!(claim_keys::hold(&mut conn, &run).await.unwrap(), Held::Yes);
    claim_keys::renew(&mut conn, &dead, OVER).await.unwrap();
    answer(&mut conn, &dead, &claimed()).await;
    fail(&mut conn, &dead, None).await;
    assert_eq!(state(&mut conn).await, KeyState::InFlight);
    claim_keys::renew(&mut conn, &run, OVER).await.unwrap();
    assert_eq!(state(&mut conn).await, KeyState::Abandoned);
}

#[tokio::test]
async fn a_failure_may_be_tried_again_and_an_answer_is_for_good() {
    let mut conn = fresh_conn().await;
    let run = begin(&mut conn, "{}", MINUTE).await.unwrap();
    let problem = Problem::new(ProblemCode::ShuttingDown, "y").with_retry_after(MINUTE);
    let failure = StoredFailure::from(problem.clone());
    fail(&mut conn, &run, Some(&failure)).await;
    let KeyState::Failed(failure) = state(&mut conn).await else {
        panic!("the run has failed")
    };
    assert_eq!(Problem::from(failure), problem);
    let run = begin(&mut conn, "{}", MINUTE).await.unwrap();
    assert_eq!(state(&mut conn).await, KeyState::InFlight);
    let claimed = claimed();
    answer(&mut conn, &run, &claimed).await;
    fail(&mut conn, &run, Some(&StoredFailure::from(problem))).await;
    claim_keys::renew(&mut conn, &run, MINUTE).await.unwrap();
    assert_eq!(state(&mut conn).await, KeyState::Answered(claimed));
    assert_eq!(begin(&mut conn, "{}", MINUTE).await, None);
}

#[tokio::test]
async fn a_key_of_another_request_is_not_taken_even_after_a_failure() {
    let mut conn = fresh_conn().await;
    let run = begin(&mut conn, "{}", MINUTE).await.unwrap();
    fail(&mut conn, &run, None).await;
    assert_eq!(begin(&mut conn, "{\"x\":1}", MINUTE).await, None);
    let seen = claim_keys::find(&mut conn, &plain(), "k", "{\"x\":1}")
        .await
        .unwrap();
    assert!(!seen.unwrap().same_request);
}

#[tokio::test]
async fn keys_of_yesterday_and_waiters_of_long_ago_are_pruned() {
    let mut conn = fresh_conn().await;
    for (key, age, lease) in [
        ("old", "25 hours", "NULL"),
        ("new", "23 hours", "NULL"),
        ("held", "25 hours", "now() + interval '1 min'"),
    ] {
        let insert = format!(
            "INSERT INTO claim_keys (key, request_hash, begun_at, lease_expires_at)
             VALUES ('{key}', '', now() - interval '{age}', {lease})"
        );
        run(&mut conn, &insert).await;
    }
    for age in ["61 min", "59 min"] {
        let insert = format!(
            "INSERT INTO claim_waiters (lease_expires_at) VALUES (now() - interval '{age}')"
        );
        run(&mut conn, &insert).await;
    }
    claim_keys::prune(&mut conn).await.unwrap();
    assert_eq!(
        run(&mut conn, "SELECT FROM claim_keys WHERE key <> 'old'").await,
        2
    );
    assert_eq!(run(&mut conn, "SELECT FROM claim_keys").await, 2);
    assert_eq!(run(&mut conn, "SELECT FROM claim_waiters").await, 1);
}
