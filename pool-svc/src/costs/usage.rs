//! The loop that asks Services for the usage of agents' tools.

use std::time::Duration;

use agent_pool_core::wire::services::UsageBatch;
use agent_pool_core::{InstanceId, Usage, chain, in_micros};
use agent_pool_service_kit::db::DbError;
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::app::App;
use crate::background::Background;
use crate::db::costs::{self, Used};

/// Pause between two rounds: each round asks vendors about every agent.
const PERIOD: Duration = Duration::from_mins(10);
/// How long a destruction waits for the last usage.
const LAST_WITHIN: Duration = Duration::from_secs(10);
/// Maximum number of instances per request.
const AT_ONCE: usize = 100;

/// Runs until shutdown, in one replica at a time.
pub(crate) fn keep_reading_usage(app: &App, background: &Background) {
    let app = app.clone();
    background.tasks.keep("usage", move |shutdown| {
        let app = app.clone();
        async move {
            loop {
                if let Err(error) = read_all(&app).await {
                    let error = chain(&error);
                    warn!("usage is missing in the ledger of costs until the next round: {error}");
                }
                tokio::select! {
                    () = sleep(PERIOD) => {}
                    () = shutdown.wait() => return,
                }
            }
        }
    });
}

async fn read_all(app: &App) -> Result<(), DbError> {
    let agents = costs::load_agents(&mut *app.db.conn().await?).await?;
    if agents.is_empty() {
        return Ok(());
    }
    let Some(lock) = app.db.lock("agent-pool usage").await? else {
        return Ok(());
    };
    let mut outcome = Ok(());
    for some in agents.chunks(AT_ONCE) {
        // No database connection is held here, because vendors may be slow.
        match app.services.usage(some.to_vec()).await {
            Ok(batch) => outcome = outcome.and(record(app, &batch).await),
            Err(error) => {
                let error = chain(&error);
                warn!("the usage of {} agents is unknown: {error}", some.len());
                break;
            }
        }
    }
    lock.release().await;
    outcome
}

/// Asks for the usage of an agent's tools a last time, before they are destroyed.
pub(crate) async fn read_last(app: &App, id: &InstanceId) {
    let usage = app.services.usage(vec![id.clone()]);
    let batch = match timeout(LAST_WITHIN, usage).await {
        Ok(Ok(batch)) => batch,
        Ok(Err(error)) => {
            let error = chain(&error);
            warn!(instance.id = %id, "cannot read the last usage of instance {id}: {error}");
            return;
        }
        Err(_) => {
            warn!(instance.id = %id, "timed out reading the last usage of instance {id}");
            return;
        }
    };
    if let Err(error) = record(app, &batch).await {
        let error = chain(&error);
        warn!(instance.id = %id, "the ledger lacks the last usage of instance {id}: {error}");
    }
}

async fn record(app: &App, batch: &UsageBatch) -> Result<(), DbError> {
    let of_instances = batch.iter();
    let used = of_instances.flat_map(|(id, tools)| {
        let used = tools.iter().filter_map(|(tool, usage)| {
            Some(Used {
                id: id.clone(),
                resource: tool.to_string(),
                micros: spent_micros(usage)?,
            })
        });
        used.collect::<Vec<_>>()
    });
    let used: Vec<Used> = used.collect();
    if used.is_empty() {
        return Ok(());
    }
    costs::record_usage(&mut *app.db.conn().await?, &used).await
}

/// The measures that contain the amount spent in US dollars: in total, or in the last month.
const MEASURES: [&str; 2] = ["usd", "usd_30_days"];

fn spent_micros(usage: &Usage) -> Option<u64> {
    let spent = MEASURES.iter().find_map(|measure| usage.0.get(*measure))?;
    Some(in_micros(*spent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_spent_in_dollars_counts() {
        let usage = |measures: &[(&str, f64)]| {
            let measures = measures.iter();
            Usage(
                measures
                    .map(|(name, number)| ((*name).to_owned(), *number))
                    .collect(),
            )
        };
        let openrouter = usage(&[("usd", 1.25), ("usd_remaining", 3.0)]);
        assert_eq!(spent_micros(&openrouter), Some(1_250_000));
        assert_eq!(spent_micros(&usage(&[("usd_30_days", 0.5)])), Some(500_000));
        assert_eq!(spent_micros(&usage(&[("messages", 9.0)])), None);
        assert_eq!(spent_micros(&usage(&[("usd", -1.0)])), Some(0));
    }
}
