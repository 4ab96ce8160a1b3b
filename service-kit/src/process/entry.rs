//! From the command line to the exit code.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use agent_pool_core::settings::Environment;
use anyhow::Context;
use tracing::{info, warn};

use super::{ProcessSettings, Service};
use crate::config::{Command, cli, help, load_environment};
use crate::db::{Db, migrate};
use crate::http_server::Listeners;
use crate::shutdown::Shutdown;
use crate::supervisor::{Supervisor, install_panic_hook};
use crate::trace;

/// How long blocking calls, such as a look-up of a name, may hold up the end of the process.
const BLOCKING_CALLS_END_WITHIN: Duration = Duration::from_secs(1);

/// The whole `main` of a service's binary. `defaults` are variables of this distribution: they hold
/// where the environment has none.
#[must_use]
pub fn main<S: Service>(defaults: &[(&str, &str)]) -> ExitCode {
    match run_command_line::<S>(defaults) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            write_line(&mut io::stderr(), format_args!("{}: {error:#}", S::NAME));
            ExitCode::FAILURE
        }
    }
}

fn run_command_line<S: Service>(defaults: &[(&str, &str)]) -> anyhow::Result<()> {
    match cli(std::env::args().skip(1))? {
        Command::Version => {
            let version = format_args!("{} {}", S::NAME, S::VERSION);
            write_line(&mut io::stdout(), version);
            Ok(())
        }
        Command::Help => {
            let reference = S::reference(&environment(defaults)?)?;
            let help = help(S::NAME, S::ABOUT, &reference);
            write_line(&mut io::stdout(), help.trim_end());
            Ok(())
        }
        Command::Run => {
            let environment = environment(defaults)?;
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .context("cannot start the threads of the runtime")?;
            let served = runtime.block_on(serve::<S>(environment));
            runtime.shutdown_timeout(BLOCKING_CALLS_END_WITHIN);
            served
        }
    }
}

fn environment(defaults: &[(&str, &str)]) -> anyhow::Result<Environment> {
    let mut environment = load_environment()?;
    for (name, value) in defaults {
        if environment.get(name).is_none() {
            environment.set(*name, *value);
        }
    }
    Ok(environment)
}

/// Runs a service until SIGTERM or SIGINT, without its command line: for a program that has one of its
/// own. Work in flight then has `SHUTDOWN_TIMEOUT_MS` to finish.
///
/// # Errors
/// The settings are wrong, the database cannot be migrated, or a port cannot be listened on.
pub async fn serve<S: Service>(environment: Environment) -> anyhow::Result<()> {
    close_to_other_processes().context("cannot close /proc to other processes")?;
    let config = S::configure(&environment)?;
    let ProcessSettings {
        http,
        log,
        database,
    } = S::process_settings(&config);
    trace::init(&log)?;
    install_panic_hook();
    for warning in http.warnings() {
        warn!("{warning}");
    }
    let shutdown = Shutdown::on_signals().context("cannot listen for signals")?;
    let shutdown = shutdown.within(http.shutdown_timeout_ms.duration());
    migrate(&database.url, S::MIGRATIONS)
        .await
        .context("cannot prepare the database")?;
    let supervisor = Supervisor::new(shutdown.clone());
    // Before anything runs in the background: a port that is taken must not cost an instance.
    let listeners = Listeners::bind(&http).await?;
    let service = S::build(config, Db::open(&database), supervisor.clone())?;
    service.start();
    listeners
        .serve(service.routes(), S::PATHS, &supervisor)
        .await;
    service.finish().await;
    supervisor.finish(shutdown.left()).await;
    info!("stopped");
    Ok(())
}

/// On Linux keeps other processes of this user from reading the environment and the memory of this one, which hold the
/// vendors' keys: local instances run as the same user.
fn close_to_other_processes() -> nix::Result<()> {
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_dumpable(false)?;
    Ok(())
}

/// Nobody may be listening any more, which is no reason to fail (`println!` would panic).
fn write_line(stream: &mut impl Write, line: impl Display) {
    let _ = writeln!(stream, "{line}").and_then(|()| stream.flush());
}
