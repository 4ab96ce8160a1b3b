//! The stack from its start to Ctrl-C, and its parts.

use std::path::PathBuf;
use std::time::Duration;

use agent_pool_client::{ClaimOrder, Pool};
use agent_pool_core::Secret;
use agent_pool_core::settings::Environment;
use agent_pool_service_kit::shutdown::Shutdown;
use tokio::runtime::Runtime;

use crate::cli::{Options, Part};
use crate::guide::{Running, forget};
use crate::home::Home;
use crate::process::end_with_parent;
use crate::progress::{Progress, line};
use crate::stack::Stack;

/// How often the fleet is looked at while it warms.
const WATCH_INTERVAL: Duration = Duration::from_millis(50);

/// Runs a part of the stack until it is told to end.
///
/// # Errors
/// Whatever ends it otherwise.
pub fn run_part(part: Part) -> anyhow::Result<()> {
    if part.ends_with_parent() {
        end_with_parent();
    }
    Runtime::new()?.block_on(async {
        let environment = Environment::of_process();
        match part {
            Part::ServicesSvc => services_svc::serve(environment).await,
            Part::PoolSvc => pool_svc::run(environment).await,
            Part::AgentRuntime => agent_runtime::run(environment).await,
        }
    })
}

/// Up, warm, claimed if asked for; then until Ctrl-C, or until a service ends by itself. `data_dir` is
/// what is kept between runs, or a folder of this user; `guide` says how to use what runs.
///
/// # Errors
/// A part that does not start, or that ends by itself.
pub fn run(
    options: &Options,
    data_dir: Option<PathBuf>,
    guide: impl Fn(&Running) -> String,
) -> anyhow::Result<()> {
    Runtime::new()?.block_on(up(options, data_dir, guide))
}

async fn up(
    options: &Options,
    data_dir: Option<PathBuf>,
    guide: impl Fn(&Running) -> String,
) -> anyhow::Result<()> {
    let interrupted = Shutdown::on_signals()?;
    let home = Home::open(data_dir)?;
    let mut progress = Progress::new();
    let mut stack = tokio::select! {
        stack = Stack::start(options, home.clone(), |text| progress.step(text)) => stack?,
        () = interrupted.wait() => return Ok(()),
    };
    let outcome = tokio::select! {
        outcome = serve(options, &home, &stack, &mut progress, guide) => outcome,
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
    forget(&home);
    let stopped = stack.stop().await;
    outcome.and(stopped)
}

/// Warms the pool, says how to use it, and claims where that was asked for.
async fn serve(
    options: &Options,
    home: &Home,
    stack: &Stack,
    progress: &mut Progress,
    guide: impl Fn(&Running) -> String,
) -> anyhow::Result<()> {
    let running = Running {
        pool: stack.pool.url().clone(),
        services: stack.services.url().clone(),
        key: Secret::new(&*stack.key),
        folder: home.path().to_owned(),
    };
    running.announce(home)?;
    let pool = Pool::new(&stack.http, running.pool.clone(), running.key.clone());
    progress.step("warming the pool");
    loop {
        let status = pool.status().await?;
        progress.fleet(&status);
        if status.counts.idle >= options.min_idle {
            break;
        }
        tokio::time::sleep(WATCH_INTERVAL).await;
    }
    progress.finish();
    line(&guide(&running));
    if let Some(name) = &options.claim {
        let mut order = ClaimOrder::default();
        order.request.agent_name = Some(name.clone());
        let claimed = pool.claim(&order).await?;
        line(&format!(
            "{name} is instance {}: {}\n",
            claimed.instance_id, claimed.invite_url
        ));
    }
    Ok(())
}
