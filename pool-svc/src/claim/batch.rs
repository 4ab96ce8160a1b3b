//! Batching: one statement serves several claims.
//!
//! A single claim runs its statement at once. Claims that arrive meanwhile gather, and the next statement serves all of
//! them. No claim waits for a batch to fill up.

use std::sync::{Mutex, MutexGuard, PoisonError};

use agent_pool_core::chain;
use agent_pool_service_kit::db::DbError;
use tokio::sync::oneshot;

/// Maximum number of requests per statement.
const MAX_SHARED: usize = 64;

/// Requests of one kind that are waiting for a statement.
#[derive(Debug)]
pub(super) struct Batcher<T, R> {
    waiting: Mutex<Vec<Request<T, R>>>,
    /// Held by the claim that runs the statement.
    leader: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Request<T, R> {
    input: T,
    answer: oneshot::Sender<Result<R, DbError>>,
}

impl<T, R> Default for Batcher<T, R> {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
            leader: tokio::sync::Mutex::default(),
        }
    }
}

impl<T: Clone, R> Batcher<T, R> {
    /// Serves `input` with a statement of this claim or of another one. `run` answers each of its inputs, in order.
    ///
    /// If the claim that runs the statement is cancelled, the claims that share it submit again.
    ///
    /// # Errors
    /// The statement failed, for all claims that share it. Retrying here would make claims wait ever longer while the
    /// database is down.
    pub(super) async fn submit<F>(&self, input: &T, run: impl Fn(Vec<T>) -> F) -> Result<R, DbError>
    where
        F: Future<Output = Result<Vec<R>, DbError>>,
    {
        loop {
            let (answer, mut answered) = oneshot::channel();
            let input = input.clone();
            self.waiting().push(Request { input, answer });
            // The claim that gets the lock leads: it runs the statement for all claims that are waiting then. The others
            // wait for both their answer and the lock, because the leader may be cancelled before it serves them.
            let leading = tokio::select! {
                biased;
                received = &mut answered => match received {
                    Ok(result) => return result,
                    Err(_) => continue,
                },
                leading = self.leader.lock() => leading,
            };
            // With a long queue it takes several statements until this claim is served.
            loop {
                if let Ok(result) = answered.try_recv() {
                    return result;
                }
                let shared = self.take_waiting();
                if shared.is_empty() {
                    // An earlier leader had taken this request and was cancelled.
                    break;
                }
                let (inputs, answers): (Vec<_>, Vec<_>) = shared
                    .into_iter()
                    .map(|request| (request.input, request.answer))
                    .unzip();
                // A cancelled claim does not receive its answer.
                match run(inputs).await {
                    Ok(results) => {
                        for (answer, result) in answers.into_iter().zip(results) {
                            let _ = answer.send(Ok(result));
                        }
                    }
                    Err(error) => {
                        for answer in answers {
                            let _ = answer.send(Err(copy_of(&error)));
                        }
                    }
                }
            }
            drop(leading);
        }
    }

    fn take_waiting(&self) -> Vec<Request<T, R>> {
        let mut waiting = self.waiting();
        let count = waiting.len().min(MAX_SHARED);
        waiting.drain(..count).collect()
    }

    /// A panic while the lock is held leaves the data consistent.
    fn waiting(&self) -> MutexGuard<'_, Vec<Request<T, R>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same failure for another claim.
fn copy_of(error: &DbError) -> DbError {
    let text = chain(error);
    if error.is_transient() {
        DbError::Unreachable(text.into())
    } else {
        DbError::Query(diesel::result::Error::QueryBuilderError(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use tokio::sync::Notify;
    use tokio::task::JoinHandle;

    use super::*;

    /// Counts statements, and lets the first one hang until it is released.
    #[derive(Default)]
    struct Database {
        statements: AtomicUsize,
        running: Notify,
        release: Notify,
    }

    impl Database {
        async fn double(&self, inputs: Vec<u32>) -> Result<Vec<u32>, DbError> {
            if self.statements.fetch_add(1, Ordering::SeqCst) == 0 {
                self.running.notify_one();
                self.release.notified().await;
            }
            Ok(inputs.into_iter().map(|input| input * 2).collect())
        }
    }

    type Shared = (Arc<Batcher<u32, u32>>, Arc<Database>);

    async fn submit((batcher, database): Shared, input: u32) -> Result<u32, DbError> {
        batcher
            .submit(&input, |inputs| database.double(inputs))
            .await
    }

    type Submitted = JoinHandle<Result<u32, DbError>>;

    /// A leader whose statement hangs, and 9 that gather behind it.
    async fn gathered(shared: &Shared) -> (Submitted, Vec<Submitted>) {
        let leader = tokio::spawn(submit(shared.clone(), 0));
        shared.1.running.notified().await;
        let others = (1..10).map(|input| tokio::spawn(submit(shared.clone(), input)));
        let others: Vec<_> = others.collect();
        while shared.0.waiting().len() < 9 {
            tokio::task::yield_now().await;
        }
        (leader, others)
    }

    async fn answers(claims: Vec<Submitted>) -> Vec<u32> {
        let answers = join_all(claims).await.into_iter();
        answers.map(|answer| answer.unwrap().unwrap()).collect()
    }

    #[tokio::test]
    async fn claims_that_come_together_share_a_statement() {
        let shared = Shared::default();
        let (leader, others) = gathered(&shared).await;
        shared.1.release.notify_one();
        assert_eq!(answers(vec![leader]).await, [0]);
        assert_eq!(answers(others).await, [2, 4, 6, 8, 10, 12, 14, 16, 18]);
        assert_eq!(shared.1.statements.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn when_the_claim_that_runs_a_shared_statement_is_cut_off_the_others_are_served() {
        let shared = Shared::default();
        let (first, mut others) = gathered(&shared).await;
        // The first one ends. One of the others leads the statement that all of them share, and is cancelled.
        shared.1.statements.store(0, Ordering::SeqCst);
        shared.1.release.notify_one();
        first.await.unwrap().unwrap();
        shared.1.running.notified().await;
        assert_eq!(shared.0.waiting().len(), 0, "the statement has taken all");
        let leader = others.remove(0);
        leader.abort();
        assert!(leader.await.unwrap_err().is_cancelled());
        assert_eq!(answers(others).await, [4, 6, 8, 10, 12, 14, 16, 18]);
    }

    #[tokio::test]
    async fn a_statement_that_fails_fails_all_that_share_it_and_no_other() {
        let batcher = Batcher::<u32, u32>::default();
        let statements = AtomicUsize::new(0);
        let run = |inputs: Vec<u32>| {
            let number = statements.fetch_add(1, Ordering::SeqCst);
            async move {
                tokio::task::yield_now().await;
                if number == 1 {
                    return Err(DbError::Unreachable("gone".into()));
                }
                Ok(inputs)
            }
        };
        // The first one is alone; the others gather while its statement runs.
        let inputs = [0, 1, 2, 3];
        let claims = inputs.iter().map(|input| batcher.submit(input, &run));
        let outcomes = join_all(claims).await;
        assert!(outcomes[0].is_ok());
        for outcome in &outcomes[1..] {
            assert!(outcome.as_ref().is_err_and(DbError::is_transient));
        }
        assert_eq!(batcher.submit(&4, &run).await.unwrap(), 4);
        assert_eq!(statements.load(Ordering::SeqCst), 3);
    }
}
