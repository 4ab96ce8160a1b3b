//! Start and shutdown of an instance.

use std::future::Future;
use std::io::Write;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::settings::Environment;
use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::routes::routes;
use crate::runtime::Runtime;
use crate::settings::Settings;

/// How long requests that have begun may take after the signal.
const GRACE: Duration = Duration::from_secs(8);

/// Runs an instance until SIGTERM, SIGHUP or Ctrl-C, and prints where it listens. One thread is enough:
/// `#[tokio::main(flavor = "current_thread")]`.
///
/// On Linux other processes of this user can no longer read the environment of the process, which has the instance's
/// keys.
///
/// # Errors
/// Settings are missing or malformed, the port is in use, or the data folder cannot be used.
pub async fn run(environment: Environment) -> anyhow::Result<()> {
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_dumpable(false).context("cannot close /proc to other processes")?;
    let settings = Settings::read(&environment)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut quit = signal(SignalKind::quit())?;
    let address = settings.address().unwrap_or_else(|| {
        let host = settings.host.as_deref().unwrap_or_default();
        warn!("HOST is {host:?}, which is not an address: listening on every IPv4 address");
        Ipv4Addr::UNSPECIFIED.into()
    });
    let listener = TcpListener::bind((address, settings.port)).await;
    let listener = listener
        .with_context(|| format!("cannot listen on port {} of {address}", settings.port))?;
    let port = listener.local_addr()?.port();
    writeln!(std::io::stdout(), "listening on http://127.0.0.1:{port}")?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
            _ = quit.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    serve(settings, listener, stop).await
}

/// Serves an instance on `listener` until `shutdown` is ready, then finishes the requests that have begun.
///
/// For a process with several instances; each needs its own data folder.
///
/// # Errors
/// A data folder that cannot be used.
pub async fn serve(
    settings: Settings,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let port = listener.local_addr()?.port();
    let runtime = Arc::new(Runtime::start(&settings, port)?);
    let instance = settings.instance_id.as_deref().unwrap_or("(nameless)");
    info!(
        instance.id = instance,
        "instance {instance} is ready on port {port}"
    );
    let (stopping, stopped) = oneshot::channel();
    let asked = async move {
        shutdown.await;
        // The receiver is dropped only when the server has ended.
        let _ = stopping.send(());
    };
    let server = warp::serve(routes(&runtime))
        .incoming(listener)
        .graceful(asked);
    tokio::select! {
        () = server.run() => {}
        () = async { let _ = stopped.await; tokio::time::sleep(GRACE).await } => {
            warn!("requests were still running after {GRACE:?}");
        }
    }
    Ok(())
}
