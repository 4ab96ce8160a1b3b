#![doc = include_str!("../README.md")]

mod cli;
mod client;
mod distribution;
mod ground;
mod home;
mod launcher;
mod process;
mod progress;
mod stack;
mod tools;

use std::process::ExitCode;
use std::time::Duration;

use agent_pool_core::settings::Environment;
use agent_pool_core::wire::pool::ClaimRequest;
use agent_pool_service_kit::shutdown::Shutdown;
use clap::Parser as _;

use crate::cli::{Cli, Part};
use crate::home::Home;
use crate::progress::{Progress, line};
use crate::stack::Stack;

/// How often the fleet is looked at while it warms.
const WATCH_INTERVAL: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let name = cli.part.map_or("mock-harness", Part::word);
    match start(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: Cli) -> anyhow::Result<()> {
    match cli.part {
        // An instance outlives the process that started it; its infra finds it again.
        Some(Part::AgentRuntime) => {}
        Some(Part::ServicesSvc | Part::PoolSvc) => process::end_with_parent(),
        None => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let environment = Environment::of_process();
        match cli.part {
            Some(Part::ServicesSvc) => services_svc::serve(environment).await,
            Some(Part::PoolSvc) => pool_svc::run(environment).await,
            Some(Part::AgentRuntime) => agent_runtime::run(environment).await,
            None => harness(cli).await,
        }
    })
}

/// Up, warm, claimed if asked for; then until Ctrl-C, or until a service ends by itself.
async fn harness(cli: Cli) -> anyhow::Result<()> {
    let interrupted = Shutdown::on_signals()?;
    let home = Home::open(cli.data_dir.clone())?;
    let mut progress = Progress::new();
    let mut stack = tokio::select! {
        stack = Stack::start(&cli, home.clone(), |text| progress.step(text)) => stack?,
        () = interrupted.wait() => return Ok(()),
    };
    let outcome = tokio::select! {
        outcome = serve(&cli, &home, &stack, &mut progress) => outcome,
        () = interrupted.wait() => Ok(()),
    };
    progress.finish();
    let outcome = match outcome {
        Ok(()) => tokio::select! {
            error = stack.failed() => Err(error),
            () = interrupted.wait() => Ok(()),
        },
        failed => failed,
    };
    line("taking everything down");
    let stopped = stack.stop().await;
    outcome.and(stopped)
}

/// Warms the pool, says how to use it, and claims where that was asked for.
async fn serve(
    cli: &Cli,
    home: &Home,
    stack: &Stack,
    progress: &mut Progress,
) -> anyhow::Result<()> {
    progress.step("warming the pool");
    loop {
        let status = stack.client.pool_status(stack.pool.url()).await?;
        progress.fleet(&status);
        if status.counts.idle >= cli.min_idle {
            break;
        }
        tokio::time::sleep(WATCH_INTERVAL).await;
    }
    progress.finish();
    line(&instructions(home, stack));
    if let Some(name) = &cli.claim {
        let request = ClaimRequest {
            agent_name: Some(name.clone()),
            ..ClaimRequest::default()
        };
        let claimed = stack.client.claim(stack.pool.url(), &request).await?;
        line(&format!(
            "{name} is instance {}: {}\n",
            claimed.instance_id, claimed.invite_url
        ));
    }
    Ok(())
}

fn instructions(home: &Home, stack: &Stack) -> String {
    let Stack {
        pool,
        services,
        key,
        ..
    } = stack;
    let [pool, services] = [pool, services].map(|one| one.url().as_str().trim_end_matches('/'));
    format!(
        "
The pool is warm.

  Pool API      {pool}
  Services API  {services}
  key           {key}
  data, logs    {}

Claim an agent:

  curl -X POST {pool}/api/pool/claim \\
    -H 'Authorization: Bearer {key}' \\
    -H 'Content-Type: application/json' \\
    -d '{{\"agentName\": \"Tulip\", \"instructions\": \"You help a small club plan its outings.\"}}'

Open the inviteUrl that it answers. Ctrl-C takes everything down.
",
        home.path().display(),
    )
}
