//! From the command line to the exit code.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use agent_pool_core::settings::Environment;
use agent_pool_core::version_with_commit;
use anyhow::Context;
use tracing::{info, warn};

use super::{ProcessSettings, Service, health};
use crate::adopt::require_adopted;
use crate::config::{Command, LoadedEnvironment, Task, cli, help, load_environment};
use crate::db::{DatabaseSettings, Db, Migrated, migrate_until};
use crate::http_server::Listeners;
use crate::shutdown::{LeftBehind, Shutdown};
use crate::supervisor::{Supervisor, install_panic_hook};
use crate::{metrics, trace};

/// How long blocking calls, such as a DNS look-up, may delay the end of the process.
const BLOCKING_CALLS_END_WITHIN: Duration = Duration::from_secs(1);
/// Time limit for writing the last log lines and traces.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);

/// The whole `main` of a service's binary. `defaults` are variables of this distribution, used if the environment does
/// not set them.
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
            let version = version_with_commit(S::VERSION);
            write_line(&mut io::stdout(), format_args!("{} {version}", S::NAME));
            Ok(())
        }
        Command::Help => {
            let reference = S::reference(&environment(defaults)?.0)?;
            let help = help(S::NAME, S::ABOUT, &reference);
            write_line(&mut io::stdout(), help.trim_end());
            Ok(())
        }
        Command::Health => {
            let config = S::configure(&environment(defaults)?.0)?;
            health::probe(&S::process_settings(&config).http)
        }
        Command::Task(task) => {
            let environment = environment(defaults)?.0;
            let report = runtime()?.block_on(run_task::<S>(&environment, task))?;
            write_line(&mut io::stdout(), report.trim_end());
            Ok(())
        }
        Command::Run => {
            let (environment, warnings) = environment(defaults)?;
            let runtime = runtime()?;
            let served = runtime.block_on(serve_with_warnings::<S>(environment, warnings));
            runtime.shutdown_timeout(BLOCKING_CALLS_END_WITHIN);
            served
        }
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the threads of the runtime")
}

async fn run_task<S: Service>(environment: &Environment, task: Task) -> anyhow::Result<String> {
    let config = S::configure(environment)?;
    trace::init(&S::process_settings(&config).log, S::NAME)?;
    let done = perform_with::<S>(config, task).await;
    trace::flush(FLUSH_WITHIN);
    done
}

/// Runs one task on the database of a service, without its command line, for a program that has its own. Returns the
/// report.
///
/// # Errors
/// The settings are invalid, the database cannot be reached, or the task fails.
pub async fn perform<S: Service>(environment: &Environment, task: Task) -> anyhow::Result<String> {
    perform_with::<S>(S::configure(environment)?, task).await
}

async fn perform_with<S: Service>(config: S::Config, task: Task) -> anyhow::Result<String> {
    let route = S::process_settings(&config).database.route().await;
    let route = route.context("cannot reach the database")?;
    S::task(config, Db::open(&route), task).await
}

fn environment(defaults: &[(&str, &str)]) -> anyhow::Result<(Environment, Vec<String>)> {
    let LoadedEnvironment {
        mut environment,
        warnings,
    } = load_environment()?;
    for (name, value) in defaults {
        if environment.get(name).is_none() {
            environment.set(*name, *value);
        }
    }
    Ok((environment, warnings))
}

/// Runs a service until SIGTERM, SIGINT or SIGHUP, without its command line, for a program that has its own. Work in
/// flight then has `SHUTDOWN_TIMEOUT_MS` to finish.
///
/// # Errors
/// The settings are invalid, the database cannot be migrated, or a port cannot be bound.
pub async fn serve<S: Service>(environment: Environment) -> anyhow::Result<()> {
    serve_with_warnings::<S>(environment, Vec::new()).await
}

async fn serve_with_warnings<S: Service>(
    environment: Environment,
    warnings: Vec<String>,
) -> anyhow::Result<()> {
    let served = serve_until_shutdown::<S>(environment, warnings).await;
    trace::finish_export(FLUSH_WITHIN).await;
    trace::flush(FLUSH_WITHIN);
    served
}

async fn serve_until_shutdown<S: Service>(
    environment: Environment,
    warnings: Vec<String>,
) -> anyhow::Result<()> {
    close_to_other_processes().context("cannot protect /proc from other processes")?;
    // Before anything else: providers publish their limits when they are built, and lost log lines are counted.
    let _ = metrics::install();
    let config = S::configure(&environment)?;
    let ProcessSettings {
        http,
        log,
        database,
    } = S::process_settings(&config);
    trace::init(&log, S::NAME)?;
    install_panic_hook();
    for warning in warnings.iter().chain(http.warnings()) {
        warn!("{warning}");
    }
    let left_behind = LeftBehind::default();
    let shutdown = Shutdown::on_signals(left_behind.clone());
    let shutdown = shutdown.context("cannot listen for signals")?;
    let shutdown = shutdown.within(http.shutdown_timeout_ms.duration());
    let Some(db) = prepare_database::<S>(&database, &shutdown).await? else {
        info!("stopped before the database was ready");
        return Ok(());
    };
    let supervisor = Supervisor::new(shutdown.clone());
    let running = supervisor.clone();
    left_behind.describe_by(move || running.describe_running());
    // Before any background task starts: a port in use must not cost an instance.
    let listeners = Listeners::bind(&http).await?;
    let service = S::build(config, db, supervisor.clone())?;
    service.start();
    listeners
        .serve(service.routes(), S::PATHS, &supervisor)
        .await;
    service.finish().await;
    supervisor.finish(shutdown.left()).await;
    info!("stopped");
    Ok(())
}

/// Detects how the database is reached, and migrates it. `None` if the shutdown came first.
async fn prepare_database<S: Service>(
    settings: &DatabaseSettings,
    shutdown: &Shutdown,
) -> anyhow::Result<Option<Db>> {
    let unprepared = "cannot prepare the database";
    let route = tokio::select! {
        route = settings.route() => route.context(unprepared)?,
        () = shutdown.wait() => return Ok(None),
    };
    let adopted = require_adopted(route.direct(), settings, S::NAME, S::ORIGINAL_TABLES).await;
    adopted.context(unprepared)?;
    let migrated = migrate_until(route.direct(), S::MIGRATIONS, shutdown).await;
    match migrated.context(unprepared)? {
        Migrated::Complete => Ok(Some(Db::open(&route))),
        Migrated::Interrupted => Ok(None),
    }
}

/// On Linux, prevents other processes of this user from reading the environment and memory of this one, which contain
/// the vendors' keys: local instances run as the same user.
fn close_to_other_processes() -> nix::Result<()> {
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_dumpable(false)?;
    Ok(())
}

/// The reader of stdout may have ended, which is no reason to fail (`println!` would panic).
fn write_line(stream: &mut impl Write, line: impl Display) {
    let _ = writeln!(stream, "{line}").and_then(|()| stream.flush());
}
