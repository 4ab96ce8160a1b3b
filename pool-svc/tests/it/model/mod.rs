//! The pool against a simple model: random rounds of claims, ticks, kills and faults on two replicas.
//!
//! proptest shrinks a failing round and prints it. `MODEL_CASES` sets the number of cases, and
//! `PROPTEST_RNG_SEED` repeats a run.

mod play;
mod round;
mod rules;

use agent_pool_core::settings::Environment;
use proptest::test_runner::{Config, TestRunner};

use play::Game;

/// `POOL_MAX_TOTAL` and `POOL_MIN_IDLE` of both replicas.
const MAX_TOTAL: usize = 8;
const MIN_IDLE: usize = 3;

/// The number of cases, unless `MODEL_CASES` sets it.
const CASES: u32 = 16;
/// Maximum number of attempts to shrink a failure: each one takes a second.
const SHRINK_TRIES: u32 = 40;

#[test]
fn two_replicas_do_as_the_model_says() {
    let wanted = Environment::of_process();
    let wanted = wanted
        .get("MODEL_CASES")
        .map(|cases| cases.parse().unwrap());
    let mut runner = TestRunner::new(Config {
        cases: wanted.unwrap_or(CASES),
        max_shrink_iters: SHRINK_TRIES,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&round::rounds(), |rounds| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let mut game = Game::new().await;
            for round in &rounds {
                game.play(round).await;
            }
            game.end().await;
        });
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
