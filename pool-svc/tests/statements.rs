//! The number of statements of a tick. It runs alone in its process, because it counts all statements.
//!
//! There is only one test, because two in parallel would count each other's statements.
#![expect(
    clippy::unwrap_used,
    reason = "the exception for tests does not reach the functions that they call"
)]

#[expect(dead_code, reason = "this test needs less of it than those in it/")]
#[path = "it/fake.rs"]
mod fake;
#[expect(dead_code, reason = "this test needs less of it than those in it/")]
#[path = "it/world.rs"]
mod world;

use std::sync::atomic::{AtomicUsize, Ordering};

use agent_pool_core::InstanceId;
use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};

use crate::fake::{Fault, Op};
use crate::world::World;

/// No lease is renewed while statements are counted, also not those of the hanging destructions of earlier fleets.
const LONG_LEASE: (&str, &str) = ("POOL_WORK_LEASE_MS", "3600000");

static STATEMENTS: AtomicUsize = AtomicUsize::new(0);

struct Counter;

impl Instrumentation for Counter {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if matches!(event, InstrumentationEvent::StartQuery { .. }) {
            STATEMENTS.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// A fleet in which every second instance is dead, so that the tick makes every kind of move.
async fn fleet_of(each: usize) -> World {
    let world = World::new(&[("POOL_MAX_VANISHED_PERCENT", "100"), LONG_LEASE]).await;
    for status in ["starting", "idle", "claimed"] {
        for n in 0..each {
            let id = InstanceId::generate();
            world.fake.add(&id);
            world.insert(&id, status, "NULL").await;
            let mut state = world.fake.state();
            let instance = state.instances.get_mut(&id).unwrap();
            instance.healthy = n % 2 == 0;
            "CRASHED".clone_into(&mut instance.deploy);
            // The work that a tick begins is not counted.
            drop(state);
            world.fake.fail(Op::Destroy, Fault::Hang);
        }
    }
    world
}

async fn statements_of_a_tick(each: usize) -> usize {
    let world = fleet_of(each).await;
    let before = STATEMENTS.load(Ordering::SeqCst);
    let report = world.tick().await;
    let made = STATEMENTS.load(Ordering::SeqCst) - before;
    assert_eq!(report["crashed"], each / 2, "{report}");
    assert_eq!(report["becameIdle"], each.div_ceil(2), "{report}");
    assert_eq!(report["condemned"], each / 2 * 2, "{report}");
    made
}

/// A tick over a healthy fleet, after a tick that stored that.
async fn statements_of_a_quiet_tick() -> usize {
    let world = World::new(&[LONG_LEASE]).await;
    world.idle(3).await;
    world.tick().await;
    let before = STATEMENTS.load(Ordering::SeqCst);
    let report = world.tick().await;
    assert_eq!(report["ran"], true, "{report}");
    STATEMENTS.load(Ordering::SeqCst) - before
}

/// The minimum of three measurements, because background work sometimes adds a statement.
async fn least(measure: impl AsyncFn() -> usize) -> usize {
    let mut least = usize::MAX;
    for _ in 0..3 {
        least = least.min(measure().await);
    }
    least
}

#[tokio::test]
async fn a_tick_makes_as_many_statements_for_600_instances_as_for_15() {
    set_default_instrumentation(|| Some(Box::new(Counter))).unwrap();
    // The first tick also opens the connections.
    Box::pin(statements_of_a_tick(5)).await;
    let (few, many) = (
        least(async || Box::pin(statements_of_a_tick(5)).await).await,
        least(async || Box::pin(statements_of_a_tick(200)).await).await,
    );
    eprintln!("a tick makes {few} statements");
    assert!(few > 5, "{few}");
    assert_eq!(few, many);
    let quiet = least(async || Box::pin(statements_of_a_quiet_tick()).await).await;
    assert_eq!(
        quiet, 6,
        "begin, rows, pools, deficit, costs and failures, the observation"
    );
}
