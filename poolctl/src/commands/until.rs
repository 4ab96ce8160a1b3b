//! Waiting until a command has taken effect.

use std::str::FromStr;
use std::time::Duration;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{InstanceView, PoolStatus};
use clap::Args;
use tokio::time::{Instant, sleep};

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{list_of, progress_bar};

/// How often the fleet is polled.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// Whether to wait.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Wait {
    /// Wait until it is done, at most this many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "600")]
    wait: Option<Seconds>,
}

#[derive(Debug, Clone, Copy)]
struct Seconds(Duration);

impl FromStr for Seconds {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(Duration::from_secs(text.parse::<u32>()?.into())))
    }
}

/// Whether an instance that is waited for is done.
pub(super) enum Standing {
    Pending,
    Done,
}

impl Standing {
    /// For an instance that is being destroyed: done once its row is deleted.
    pub(super) const fn gone(row: Option<&InstanceView>) -> Self {
        match row {
            Some(_) => Self::Pending,
            None => Self::Done,
        }
    }
}

impl Wait {
    /// Waits until `standing`, given the row of an instance if there is one, is done for each of `ids`. Returns the
    /// fleet at that time. Without a wait, returns at once.
    ///
    /// # Errors
    /// It takes too long, or Pool cannot be reached.
    pub(super) async fn until(
        self,
        doing: &str,
        ids: &[InstanceId],
        target: &Target,
        standing: impl Fn(Option<&InstanceView>) -> Standing,
    ) -> Result<Option<PoolStatus>, Failure> {
        let Some(Seconds(limit)) = self.wait else {
            return Ok(None);
        };
        let bar = progress_bar(doing, ids.len());
        let deadline = Instant::now() + limit;
        loop {
            let fleet = target.pool.status().await;
            let fleet = fleet.map_err(|error| Failure::of_call("check the progress", &error))?;
            let row = |id: &InstanceId| fleet.instances.iter().find(|it| it.id == *id);
            let left: Vec<_> = ids
                .iter()
                .filter(|id| matches!(standing(row(id)), Standing::Pending))
                .collect();
            bar.set_position(u64::try_from(ids.len() - left.len()).unwrap_or_default());
            if left.is_empty() {
                bar.finish_and_clear();
                return Ok(Some(fleet));
            }
            if Instant::now() >= deadline {
                bar.finish_and_clear();
                let seconds = limit.as_secs();
                let message = format!(
                    "{doing} has not finished after {seconds} s; still waiting for {}",
                    list_of(&left)
                );
                return Err(Failure::new(Exit::Failed, "not_in_time", message)
                    .hint("it continues in the background; follow it with `poolctl watch`"));
            }
            sleep(LOOK_EVERY).await;
        }
    }
}
