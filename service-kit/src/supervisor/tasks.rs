//! The supervisor and the tasks that it runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::counter;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;
use tracing::{Instrument, error, warn};

use super::restarts::Restarts;
use super::{FailingTask, Job, TaskFailed, catch_panic};
use crate::auth::Principal;
use crate::shutdown::Shutdown;

/// Runs the background work of a service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Supervisor(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shutdown: Shutdown,
    tracker: TaskTracker,
    /// How many tasks of each name are running.
    running: Mutex<BTreeMap<&'static str, usize>>,
    loops: Mutex<BTreeMap<&'static str, Restarts>>,
}

impl Supervisor {
    /// A supervisor whose loops run until `shutdown`.
    #[must_use]
    pub fn new(shutdown: Shutdown) -> Self {
        Self(Arc::new(Inner {
            shutdown,
            tracker: TaskTracker::new(),
            running: Mutex::default(),
            loops: Mutex::default(),
        }))
    }

    /// The shutdown that ends the loops.
    #[must_use]
    pub fn shutdown(&self) -> &Shutdown {
        &self.0.shutdown
    }

    /// Runs the loop that `make` returns until shutdown. If the loop panics or ends earlier, `make` is called again
    /// after a pause that grows with each failure in a row.
    ///
    /// `name` is unique in the process: it is a label of `agent_pool_task_restarts_total`.
    pub fn keep<F>(&self, name: &'static str, make: impl Fn(Shutdown) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        lock(&self.0.loops).insert(name, Restarts::new());
        let running = self.count(name);
        let supervisor = self.clone();
        self.0.tracker.spawn(async move {
            let _running = running;
            supervisor.keep_running(name, make).await;
        });
    }

    async fn keep_running<F>(self, name: &'static str, make: impl Fn(Shutdown) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let shutdown = self.shutdown();
        // Start at 0, so that the first restart is an increase.
        counter!("agent_pool_task_restarts_total", "task" => name).increment(0);
        loop {
            // Boxed, because loops are the largest futures of a service. Called inside the catch, because `make` may
            // panic too.
            let run = catch_panic(async { Box::pin(make(shutdown.clone())).await });
            let cause = match run.await {
                Ok(()) if shutdown.is_triggered() => return,
                Ok(()) => "ended early".to_owned(),
                Err(panic) => panic.to_string(),
            };
            let pause = self.record_failure(name, &cause);
            if shutdown.is_triggered() {
                error!(task = name, "task {name} {cause}");
                return;
            }
            error!(task = name, "task {name} {cause}: restarting in {pause:?}");
            counter!("agent_pool_task_restarts_total", "task" => name).increment(1);
            tokio::select! {
                () = sleep(pause) => {}
                () = shutdown.wait() => return,
            }
            if let Some(restarts) = lock(&self.0.loops).get_mut(name) {
                restarts.restart();
            }
        }
    }

    fn record_failure(&self, name: &'static str, cause: &str) -> Duration {
        lock(&self.0.loops)
            .entry(name)
            .or_insert_with(Restarts::new)
            .fail(cause)
    }

    /// Runs `work` to its end, whether or not anyone awaits the result, on behalf of the principal of the current
    /// request. Shutdown waits for it.
    ///
    /// A panic is logged, and counted in `agent_pool_task_panics_total`.
    pub fn spawn<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Job<T> {
        let running = self.count(name);
        let work = Box::pin(Principal::inherit(work));
        let guarded = async move {
            let _running = running;
            catch_panic(work).await.map_err(|panic| {
                error!(task = name, "task {name} {panic}");
                counter!("agent_pool_task_panics_total", "task" => name).increment(1);
                TaskFailed {
                    task: name,
                    cause: panic.to_string(),
                }
            })
        };
        Job::new(name, self.0.tracker.spawn(guarded.in_current_span()))
    }

    /// The loops that keep failing, for `/readyz`.
    #[must_use]
    pub fn health(&self) -> Vec<FailingTask> {
        lock(&self.0.loops)
            .iter()
            .filter_map(|(&task, restarts)| {
                let cause = restarts.failing()?.to_owned();
                Some(FailingTask { task, cause })
            })
            .collect()
    }

    /// Waits until every task has ended, at most for `within`. Returns the names of those that have not: they are
    /// aborted when the process ends.
    ///
    /// Call it after the shutdown was triggered; loops run until then.
    pub async fn finish(&self, within: Duration) -> Vec<&'static str> {
        self.0.tracker.close();
        if timeout(within, self.0.tracker.wait()).await.is_ok() {
            return Vec::new();
        }
        let running = lock(&self.0.running).clone();
        for (name, count) in &running {
            warn!(
                task = name,
                "{count} of task {name} aborted: see SHUTDOWN_TIMEOUT_MS"
            );
        }
        running.into_keys().collect()
    }

    /// Describes the running tasks: what a process that ends at once leaves behind.
    #[must_use]
    pub fn describe_running(&self) -> String {
        let running = lock(&self.0.running);
        let loops = lock(&self.0.loops);
        let jobs = running
            .iter()
            .filter(|(name, _)| !loops.contains_key(*name));
        let jobs: Vec<_> = jobs
            .map(|(name, count)| format!("{count} of {name}"))
            .collect();
        if jobs.is_empty() {
            return "No work was in flight".to_owned();
        }
        let jobs = jobs.join(", ");
        format!(
            "Aborted: {jobs}; the next start, or another replica, recovers them from the database"
        )
    }

    fn count(&self, name: &'static str) -> Running {
        *lock(&self.0.running).entry(name).or_default() += 1;
        Running {
            supervisor: self.clone(),
            name,
        }
    }
}

/// Counts a task as running until it is dropped with the task.
struct Running {
    supervisor: Supervisor,
    name: &'static str,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = lock(&self.supervisor.0.running);
        if let Some(count) = running.get_mut(self.name) {
            *count -= 1;
            if *count == 0 {
                running.remove(self.name);
            }
        }
    }
}

/// The maps are consistent after each statement, so a panic while one is locked does no harm.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    fn supervisor() -> Supervisor {
        Supervisor::new(Shutdown::new())
    }

    /// A loop that panics on its first `failures` runs, and the number of its runs.
    fn keep_failing(supervisor: &Supervisor, failures: usize) -> Arc<AtomicUsize> {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        supervisor.keep("tick", move |shutdown| {
            let run = counted.fetch_add(1, Ordering::Relaxed);
            async move {
                assert!(run >= failures, "run {run}");
                shutdown.wait().await;
            }
        });
        runs
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_panics_is_restarted_and_shows_while_it_keeps_failing() {
        let supervisor = supervisor();
        let runs = keep_failing(&supervisor, 3);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(runs.load(Ordering::Relaxed), 3);
        let failing = supervisor.health();
        assert_eq!(failing[0].task, "tick");
        assert!(failing[0].cause.ends_with("run 2"), "{failing:?}");
        sleep(Duration::from_mins(2)).await;
        assert_eq!(runs.load(Ordering::Relaxed), 4);
        assert_eq!(supervisor.health(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_ends_early_is_restarted_until_shutdown() {
        let supervisor = supervisor();
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        supervisor.keep("sweep", move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            async {}
        });
        sleep(Duration::from_secs(1)).await;
        assert!(runs.load(Ordering::Relaxed) > 2);
        assert_eq!(supervisor.health()[0].cause, "ended early");
        supervisor.shutdown().trigger();
        assert!(supervisor.finish(LONG).await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_runs_to_its_end_although_nobody_awaits_it() {
        let supervisor = supervisor();
        let done = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&done);
        drop(supervisor.spawn("claim", async move {
            sleep(Duration::from_secs(5)).await;
            counted.fetch_add(1, Ordering::Relaxed);
        }));
        assert!(supervisor.finish(LONG).await.is_empty());
        assert_eq!(done.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_jobs_result_and_its_panic_reach_whoever_awaits_it() {
        let supervisor = supervisor();
        assert_eq!(supervisor.spawn("claim", async { 7 }).await, Ok(7));
        let job: Job<()> = supervisor.spawn("claim", async { panic!("lost") });
        let failed = job.await.unwrap_err();
        assert_eq!(failed.task, "claim");
        assert!(failed.cause.ends_with("lost"), "{failed}");
    }

    #[tokio::test(start_paused = true)]
    async fn finish_names_what_it_cuts_off() {
        let supervisor = supervisor();
        let _ended = supervisor.spawn("creation", async {}).await;
        drop(supervisor.spawn("claim", std::future::pending::<()>()));
        supervisor.keep("tick", |_| std::future::pending());
        supervisor.shutdown().trigger();
        assert_eq!(supervisor.finish(LONG).await, ["claim", "tick"]);
        assert!(
            supervisor
                .describe_running()
                .starts_with("Aborted: 1 of claim; ")
        );
    }
}
