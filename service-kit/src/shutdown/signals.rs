//! The signals that end the process.
//!
//! The first SIGTERM, SIGINT (Ctrl-C), SIGQUIT or SIGHUP lets work in flight finish. A Ctrl-C after that ends
//! the process at once, and says what is left behind. SIGUSR1, SIGUSR2 and SIGALRM, which would end it without
//! a word, do nothing: programs send them to have a log reopened.

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;
use tracing::{info, warn};

use super::Shutdown;
use crate::trace;

/// A terminal sends Ctrl-C to the whole group, and a parent may pass its own signal on to its children:
/// a second signal within this time is not a second Ctrl-C.
const SAME_SIGNAL: Duration = Duration::from_millis(300);
/// The exit code of a process that SIGINT ended, as shells count.
const INTERRUPTED: i32 = 130;
/// How long the last lines of the log may take.
const FLUSH_WITHIN: Duration = Duration::from_millis(500);

/// Says what a process leaves behind if it ends now. Cheap to clone; set once the process knows.
#[derive(Clone, Default)]
pub struct LeftBehind(Arc<OnceLock<Box<dyn Fn() -> String + Send + Sync>>>);

impl LeftBehind {
    /// Sets how to say it. Only the first call has an effect.
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
    /// One that signals trigger. A second Ctrl-C ends the process, and logs what `left_behind` describes.
    ///
    /// # Errors
    /// The signals cannot be listened for.
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
    /// Of images whose base has it as their stop signal.
    quit: Signal,
    /// None if the process was started to survive its terminal (`nohup`).
    hangup: Option<Signal>,
    /// Listened for, so that they do not end the process.
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

/// Whether SIGHUP was ignored when the process started. Asked of Linux's `/proc`, because asking the
/// system call needs unsafe code; elsewhere SIGHUP ends the process.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}
