//! The signals that end the process.
//!
//! The first SIGTERM, SIGINT (Ctrl-C), SIGQUIT or SIGHUP lets work in flight finish. A later Ctrl-C ends the process at
//! once, and logs what is left behind. SIGUSR1, SIGUSR2 and SIGALRM, which would end it silently by default, do
//! nothing: programs send them to have a log reopened.

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;
use tracing::{info, warn};

use super::Shutdown;
use crate::trace;

/// A terminal sends Ctrl-C to the whole process group, and a parent may also forward its own signal: a second signal
/// within this time does not count as a second Ctrl-C.
const SAME_SIGNAL: Duration = Duration::from_millis(300);
/// The exit code of a process ended by SIGINT, by the convention of shells.
const INTERRUPTED: i32 = 130;
/// Time limit for writing the last log lines.
const FLUSH_WITHIN: Duration = Duration::from_millis(500);

/// Describes what a process leaves behind if it ends now. Cheap to clone; set once the process knows.
#[derive(Clone, Default)]
pub struct LeftBehind(Arc<OnceLock<Box<dyn Fn() -> String + Send + Sync>>>);

impl LeftBehind {
    /// Sets the description. Only the first call has an effect.
    pub fn describe_by(&self, describe: impl Fn() -> String + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(describe));
    }

    fn describe(&self) -> String {
        self.0.get().map_or_else(String::new, |describe| describe())
    }
}

impl fmt::Debug for LeftBehind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeftBehind").finish_non_exhaustive()
    }
}

impl Shutdown {
    /// A shutdown that signals trigger. A second Ctrl-C ends the process, and logs what `left_behind` describes.
    ///
    /// # Errors
    /// Signal handlers cannot be installed.
    pub fn on_signals(left_behind: LeftBehind) -> io::Result<Self> {
        let shutdown = Self::new();
        let mut signals = Signals::listen()?;
        let triggered = shutdown.clone();
        tokio::spawn(async move {
            let name = signals.next().await;
            info!("{name} received: finishing work in flight; Ctrl-C ends the process at once");
            triggered.trigger();
            signals.second_interrupt().await;
            warn!("second Ctrl-C: ending at once. {}", left_behind.describe());
            trace::flush(FLUSH_WITHIN);
            std::process::exit(INTERRUPTED);
        });
        Ok(shutdown)
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// The stop signal of some base images.
    quit: Signal,
    /// `None` if the process was started to survive its terminal (`nohup`).
    hangup: Option<Signal>,
    /// Handled, so that they do not end the process.
    _harmless: [Signal; 3],
}

impl Signals {
    fn listen() -> io::Result<Self> {
        let hangup = if ignores_hangup() {
            None
        } else {
            Some(signal(SignalKind::hangup())?)
        };
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hangup,
            _harmless: [
                signal(SignalKind::user_defined1())?,
                signal(SignalKind::user_defined2())?,
                signal(SignalKind::alarm())?,
            ],
        })
    }

    async fn next(&mut self) -> &'static str {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.quit.recv() => "SIGQUIT",
            _ = hangup => "SIGHUP",
        }
    }

    async fn second_interrupt(&mut self) {
        let first = Instant::now();
        loop {
            self.interrupt.recv().await;
            if first.elapsed() > SAME_SIGNAL {
                return;
            }
        }
    }
}

/// Whether SIGHUP was ignored when the process started. Read from `/proc` on Linux, because the system call needs
/// unsafe code; elsewhere SIGHUP ends the process.
#[must_use]
pub fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}
