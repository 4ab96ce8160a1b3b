//! The interceptor of one process: the proxies report every step of the process to it, and it kills the process at a
//! chosen step.
//!
//! A step is a request to a vendor, an instance or a service, or a statement in the database. It is
//! identified by its label and by the number of earlier steps with that label, so that concurrent steps
//! are identified in any order.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// One step of a process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Step {
    /// The callee and the operation.
    pub label: String,
    /// The number of steps with this label, this one included.
    pub nth: u32,
}

impl Step {
    /// Whether it changes nothing.
    #[must_use]
    pub fn only_reads(&self) -> bool {
        let Some((whom, what)) = self.label.split_once(' ') else {
            return false;
        };
        let sql = whom == "sql" && what.starts_with("SELECT ");
        sql || what.starts_with("GET ") || what.starts_with("query ")
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)?;
        if self.nth > 1 {
            write!(f, " #{}", self.nth)?;
        }
        Ok(())
    }
}

/// Whether a process is killed before or after the effect of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The step was sent but did not arrive.
    Before,
    /// The step took effect but its answer was lost.
    After,
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "before",
            Self::After => "after",
        })
    }
}

/// What a proxy does with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Pass,
    /// Do not forward it; call [`Interceptor::kill`].
    Before,
    /// Forward it, withhold its answer, and call [`Interceptor::kill`].
    After,
    /// Forward it after [`Interceptor::wait_for_release`], unless the process has ended by then.
    Hold,
}

#[derive(Debug, Default)]
enum Mode {
    #[default]
    Off,
    Record(Vec<Step>),
    Set(Step, When),
    Hold(Step),
}

#[derive(Debug, Default)]
struct State {
    mode: Mode,
    seen: HashMap<String, u32>,
    process: Option<Pid>,
    triggered: bool,
    holds: bool,
    last: Option<Instant>,
}

/// Observes the steps of one process, and can kill or hold it at one of them.
#[derive(Debug, Default)]
pub struct Interceptor {
    state: Mutex<State>,
    changed: Notify,
}

impl Interceptor {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the process to kill.
    pub(crate) fn watch(&self, process: Pid) {
        self.state().process = Some(process);
    }

    /// Forgets the process: its id may be reused once it has ended.
    pub(crate) fn detach(&self) {
        self.state().process = None;
    }

    /// Starts recording steps.
    pub fn record(&self) {
        self.begin(Mode::Record(Vec::new()));
    }

    /// Kills the process at this step, counted from now.
    pub fn set(&self, step: Step, when: When) {
        self.begin(Mode::Set(step, when));
    }

    /// Holds this step, counted from now, until [`Interceptor::release`].
    pub(crate) fn hold(&self, step: Step) {
        self.begin(Mode::Hold(step));
        self.state().holds = true;
    }

    /// Lets a held step continue.
    pub(crate) fn release(&self) {
        self.state().holds = false;
        self.changed.notify_waiters();
    }

    /// Waits for [`Interceptor::release`]. Returns whether the process still runs, and so whether to forward its step.
    pub(crate) async fn wait_for_release(&self) -> bool {
        loop {
            let changed = self.changed.notified();
            if let Some(lives) = self.released() {
                return lives;
            }
            changed.await;
        }
    }

    /// `None` while a step is held, then whether the process still runs.
    fn released(&self) -> Option<bool> {
        let state = self.state();
        (!state.holds).then_some(state.process.is_some())
    }

    fn begin(&self, mode: Mode) {
        let mut state = self.state();
        state.mode = mode;
        state.seen.clear();
        state.triggered = false;
    }

    /// Forwards everything from now on. Returns the recorded steps.
    pub fn end(&self) -> Vec<Step> {
        match std::mem::take(&mut self.state().mode) {
            Mode::Record(steps) => steps,
            Mode::Off | Mode::Set(..) | Mode::Hold(_) => Vec::new(),
        }
    }

    /// Whether the process reached the step, and was killed or held there.
    #[must_use]
    pub fn triggered(&self) -> bool {
        self.state().triggered
    }

    /// Waits until the process was killed or is held.
    pub async fn wait(&self) {
        loop {
            let changed = self.changed.notified();
            if self.triggered() {
                return;
            }
            changed.await;
        }
    }

    /// Waits until the process has taken no step for `pause`.
    pub(crate) async fn quiet(&self, pause: Duration) {
        loop {
            let last = self.state().last;
            let quiet_at = last.map_or_else(Instant::now, |last| last + pause);
            if quiet_at <= Instant::now() {
                return;
            }
            sleep_until(quiet_at).await;
        }
    }

    pub(crate) fn step(&self, label: &str) -> Action {
        let mut state = self.state();
        state.last = Some(Instant::now());
        let State { mode, seen, .. } = &mut *state;
        let nth = seen.entry(label.to_owned()).or_default();
        *nth += 1;
        match mode {
            Mode::Off => Action::Pass,
            Mode::Record(steps) => {
                let (label, nth) = (label.to_owned(), *nth);
                steps.push(Step { label, nth });
                Action::Pass
            }
            Mode::Hold(step) if step.label == label && step.nth == *nth => {
                state.triggered = true;
                drop(state);
                self.changed.notify_waiters();
                Action::Hold
            }
            Mode::Hold(_) => Action::Pass,
            Mode::Set(step, _) if step.label != label || step.nth != *nth => Action::Pass,
            Mode::Set(_, When::Before) => Action::Before,
            Mode::Set(_, When::After) => Action::After,
        }
    }

    /// Kills the process with SIGKILL.
    pub(crate) fn kill(&self) {
        let mut state = self.state();
        if let Some(process) = state.process.take() {
            // It may have ended on its own.
            kill(process, Signal::SIGKILL).ok();
        }
        state.mode = Mode::Off;
        state.triggered = true;
        drop(state);
        self.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(label: &str, nth: u32) -> Step {
        let label = label.to_owned();
        Step { label, nth }
    }

    #[test]
    fn it_notes_steps_and_counts_those_of_one_label() {
        let interceptor = Interceptor::default();
        interceptor.step("before");
        interceptor.record();
        for label in ["a", "b", "a"] {
            assert_eq!(interceptor.step(label), Action::Pass);
        }
        let noted = interceptor.end();
        assert_eq!(noted, [step("a", 1), step("b", 1), step("a", 2)]);
        assert_eq!(noted[2].to_string(), "a #2");
    }

    #[test]
    fn a_read_is_known_by_its_label() {
        for label in ["sql SELECT 1", "telnyx GET /v2/x", "railway query services"] {
            assert!(step(label, 1).only_reads(), "{label}");
        }
        for label in [
            "sql WITH x AS (SELECT",
            "services POST /status/batch",
            "sql COMMIT",
        ] {
            assert!(!step(label, 1).only_reads(), "{label}");
        }
    }

    #[test]
    fn it_stops_at_its_step_alone() {
        let interceptor = Interceptor::default();
        interceptor.set(step("a", 2), When::After);
        let actions = ["a", "b", "a", "a"].map(|label| interceptor.step(label));
        let pass = Action::Pass;
        assert_eq!(actions, [pass, pass, Action::After, pass]);
        assert!(!interceptor.triggered());
        interceptor.kill();
        assert!(interceptor.triggered());
        assert_eq!(interceptor.step("a"), pass);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_quiet_a_while_after_the_last_step() {
        const PAUSE: Duration = Duration::from_millis(300);
        let interceptor = Interceptor::default();
        let began = Instant::now();
        interceptor.quiet(PAUSE).await;
        interceptor.step("a");
        assert_eq!(began.elapsed(), Duration::ZERO);
        interceptor.quiet(PAUSE).await;
        assert_eq!(began.elapsed(), PAUSE);
    }

    #[tokio::test]
    async fn what_is_held_goes_on_when_it_is_released_where_its_process_lives() {
        for (process, forwarded) in [(Some(Pid::this()), true), (None, false)] {
            let interceptor = Interceptor::default();
            interceptor.state().process = process;
            interceptor.hold(step("a", 1));
            assert_eq!(interceptor.step("b"), Action::Pass);
            assert_eq!(interceptor.step("a"), Action::Hold);
            interceptor.wait().await;
            let (goes_on, ()) = tokio::join!(interceptor.wait_for_release(), async {
                interceptor.release();
            });
            assert_eq!(goes_on, forwarded);
            assert_eq!(interceptor.step("a"), Action::Pass);
        }
    }

    #[tokio::test]
    async fn a_waiting_caller_is_notified() {
        let interceptor = Interceptor::default();
        tokio::join!(interceptor.wait(), async { interceptor.kill() });
        interceptor.wait().await;
    }
}
