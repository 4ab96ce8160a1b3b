//! SIGINT, SIGTERM and SIGHUP: the first stops the stack in order, the second ends the process.

use std::io;
use std::sync::mpsc;

use anyhow::Context as _;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit code of a process ended by SIGINT, by the convention of shells.
const INTERRUPTED: i32 = 130;

/// A token that the first signal cancels. The second prints `remains` and ends the process at once.
///
/// The signals have their own thread, so that the second one works while the stack is stopping, and while the runtime
/// is blocked, for example by the start of Postgres.
///
/// # Errors
/// Signal handlers cannot be installed.
pub(crate) fn stop_on_signals(remains: String) -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let first = stop.clone();
    let (ready, registered) = mpsc::channel();
    let watch = async move {
        let mut signals = match Signals::new() {
            Ok(signals) => signals,
            Err(error) => return drop(ready.send(Err(error))),
        };
        ready.send(Ok(())).ok();
        signals.next().await;
        first.cancel();
        signals.next().await;
        eprintln!("{remains}");
        std::process::exit(INTERRUPTED);
    };
    let runtime = Builder::new_current_thread().enable_io().build()?;
    std::thread::spawn(move || runtime.block_on(watch));
    registered
        .recv()
        .context("the thread for signals ended")?
        .context("cannot listen to signals")?;
    Ok(stop)
}

struct Signals([Signal; 4]);

impl Signals {
    /// A closed terminal sends SIGHUP, which would otherwise end this process and leave its instances running.
    fn new() -> io::Result<Self> {
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
            signal(SignalKind::quit())?,
        ]))
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup, quit] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
            _ = quit.recv() => {}
        }
    }
}
