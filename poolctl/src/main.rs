#![doc = include_str!("../README.md")]

mod cli;
mod commands;
mod connect;
mod exit;
mod failure;
mod out;

use std::process::ExitCode;

use agent_pool_core::settings::Environment;
use agent_pool_service_kit::config::{LoadedEnvironment, load_environment};
use clap::Parser as _;

use crate::cli::{Ask, Cli, Command};
use crate::commands::{completions, up};
use crate::connect::{Connection, Target};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::Out;

fn main() -> ExitCode {
    let Cli {
        command,
        connection,
        form,
    } = Cli::parse();
    let out = Out::new(form);
    let outcome = match command {
        // These have their own threads and must not use the Ctrl-C handling below.
        Command::Up(options) => up::run(&options, connection.data_dir),
        Command::Part(part) => up::run_part(part),
        Command::Completions { shell } => completions::run(shell),
        Command::Key(key) => key.run(),
        Command::Ask(wanted) => ask(wanted, &connection, out),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            out.failure(&failure);
            failure.exit().into()
        }
    }
}

/// Runs a command that calls the services, until Ctrl-C.
fn ask(wanted: Ask, connection: &Connection, out: Out) -> Result<Exit, Failure> {
    let LoadedEnvironment { environment, .. } =
        load_environment().map_err(|error| Failure::usage(agent_pool_core::chain(&error)))?;
    let target = Target::find(connection, &environment);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| {
        Failure::new(Exit::Failed, "no_runtime", format!("cannot start: {error}"))
    })?;
    let interrupted = if matches!(wanted, Ask::Claim(_)) {
        Failure::interrupted_claim
    } else {
        Failure::interrupted
    };
    runtime.block_on(async {
        tokio::select! {
            // First, so that Ctrl-C works before the first question.
            biased;
            _ = tokio::signal::ctrl_c() => Err(interrupted()),
            outcome = Box::pin(answer(wanted, target, &environment, connection.is_given(), out)) => outcome,
        }
    })
}

async fn answer(
    wanted: Ask,
    target: Result<Target, Failure>,
    environment: &Environment,
    addressed: bool,
    out: Out,
) -> Result<Exit, Failure> {
    match wanted {
        Ask::Claim(claim) => claim.run(out, &target?).await,
        Ask::Templates => commands::templates::run(out, &target?).await,
        Ask::List(list) => list.run(out, &target?).await,
        Ask::Show(show) => show.run(out, &target?).await,
        Ask::Events(events) => events.run(out, &target?).await,
        Ask::Explain(explain) => explain.run(out, &target?).await,
        Ask::Logs(logs) => logs.run(out, &target?).await,
        Ask::Kill(kill) => kill.kill(out, &target?).await,
        Ask::Dismiss(dismiss) => dismiss.dismiss(out, &target?).await,
        Ask::Protect(protect) => protect.protect(out, &target?).await,
        Ask::Unprotect(protect) => protect.unprotect(out, &target?).await,
        Ask::Drain(drain) => drain.run(out, &target?).await,
        Ask::Replenish(replenish) => replenish.run(out, &target?).await,
        Ask::Pools(pools) => pools.run(out, &target?).await,
        Ask::Costs(costs) => costs.run(out, &target?).await,
        Ask::Limit(limit) => limit.run(out, &target?).await,
        Ask::Rollout(rollout) => rollout.run(out, &target?).await,
        Ask::Upgrades(upgrades) => upgrades.run(out, &target?).await,
        Ask::Providers(providers) => providers.run(out, &target?).await,
        Ask::Sweep(sweep) => sweep.run(out, &target?).await,
        Ask::Tools(tools) => tools.run(out, &target?).await,
        Ask::Simulate(simulate) => simulate.run(out, &target?).await,
        Ask::Webhooks(webhooks) => webhooks.run(out, &target?).await,
        Ask::Watch(watch) => watch.run(out, &target?).await,
        Ask::Mcp(mcp) => mcp.run(target?).await,
        Ask::Doctor(doctor) => doctor.run(out, target, environment, addressed).await,
    }
}
