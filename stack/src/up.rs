//! The stack from its start to Ctrl-C.

use std::path::PathBuf;
use std::time::Duration;

use agent_pool_client::ClaimOrder;
use agent_pool_core::wire::pool::ClaimOutcome;
use tokio::runtime::Runtime;

use crate::folder::DataFolder;
use crate::lock::Lock;
use crate::options::Options;
use crate::progress::{Progress, print};
use crate::running::Running;
use crate::signals::stop_on_signals;
use crate::stack::Stack;

/// How often the fleet is polled while it warms.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Starts the stack, waits until the pool is warm, claims an agent if the options say so, and runs until Ctrl-C or
/// until a service exits unexpectedly.
///
/// `data_dir` keeps the data between runs; without it a folder of this user is used. `guide` is the text that tells the
/// user how to use the running stack.
///
/// # Errors
/// A part does not start, or exits unexpectedly.
pub fn up(
    options: &Options,
    data_dir: Option<PathBuf>,
    guide: impl Fn(&Running) -> String,
) -> anyhow::Result<()> {
    Runtime::new()?.block_on(run(options, data_dir, guide))
}

async fn run(
    options: &Options,
    data_dir: Option<PathBuf>,
    guide: impl Fn(&Running) -> String,
) -> anyhow::Result<()> {
    let folder = DataFolder::create(data_dir)?;
    let _lock = Lock::acquire(&folder)?;
    let interrupted = stop_on_signals(format!(
        "interrupted while stopping: the services and Postgres finish by themselves; instances that still run are \
         stopped or continued by the next start on {}",
        folder.path().display()
    ))?;
    let mut progress = Progress::new();
    let mut stack = tokio::select! {
        stack = Stack::start(options, &folder, |text| progress.step(text)) => stack?,
        () = interrupted.cancelled() => return Ok(()),
    };
    let outcome = tokio::select! {
        outcome = warm_up(options, &folder, &stack, &mut progress, guide) => outcome,
        () = interrupted.cancelled() => Ok(()),
    };
    progress.finish();
    let outcome = match outcome {
        Ok(()) => tokio::select! {
            error = stack.failed() => Err(error),
            () = interrupted.cancelled() => Ok(()),
        },
        failed => failed,
    };
    print("stopping everything; press Ctrl-C again to end at once");
    Running::withdraw(&folder);
    let stopped = stack.stop().await;
    outcome.and(stopped)
}

/// Waits until the pool is warm, prints how to use it, and claims an agent if the options say so.
async fn warm_up(
    options: &Options,
    folder: &DataFolder,
    stack: &Stack,
    progress: &mut Progress,
    guide: impl Fn(&Running) -> String,
) -> anyhow::Result<()> {
    let running = Running {
        pool: stack.pool.url().clone(),
        services: stack.services.url().clone(),
        key: stack.key.clone(),
        folder: folder.path().to_owned(),
    };
    running.publish(folder)?;
    stack.replace_outdated(|text| progress.step(text)).await?;
    progress.step("warming the pool");
    let pool = stack.pool_api();
    loop {
        let status = pool.status().await?;
        progress.show_fleet(&status);
        if status.counts.idle >= options.min_idle {
            break;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    progress.finish();
    print(&guide(&running));
    if let Some(name) = &options.claim {
        let mut order = ClaimOrder::default();
        order.request.agent_name = Some(name.clone());
        // A claim without a join link is never pending.
        if let ClaimOutcome::Claimed(claimed) = pool.claim(&order).await? {
            print(&format!(
                "{name} is instance {}: {}\n",
                claimed.instance_id, claimed.invite_url
            ));
        }
    }
    Ok(())
}
