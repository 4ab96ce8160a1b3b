//! The loop that asks what the tools of agents have used.

use std::time::Duration;

use agent_pool_core::wire::services::UsageBatch;
use agent_pool_core::{Usage, chain};
use agent_pool_service_kit::db::DbError;
use tokio::time::sleep;
use tracing::warn;

use crate::app::App;
use crate::background::Background;
use crate::db::costs::{self, Used};

/// Between two looks: each asks vendors for every agent.
const PERIOD: Duration = Duration::from_mins(10);
/// Instances of one request.
const AT_ONCE: usize = 100;
/// Millionths of a US dollar in a dollar.
const MICROS: f64 = 1e6;

/// Asks until shutdown, in one replica at a time.
pub(crate) fn keep_reading_usage(app: &App, background: &Background) {
    let app = app.clone();
    background.tasks.keep("usage", move |shutdown| {
        let app = app.clone();
        async move {
            loop {
                if let Err(error) = read_all(&app).await {
                    let error = chain(&error);
                    warn!("the ledger of costs lacks usage until the next look: {error}");
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
        // Without a connection: vendors take their time.
        match app.services.usage(some.to_vec()).await {
            Ok(batch) => outcome = record(app, &batch).await,
            Err(error) => {
                let error = chain(&error);
                warn!("the usage of {} agents is not known: {error}", some.len());
                break;
            }
        }
    }
    lock.release().await;
    outcome
}

async fn record(app: &App, batch: &UsageBatch) -> Result<(), DbError> {
    let of_instances = batch.iter();
    let used = of_instances.flat_map(|(id, tools)| {
        let used = tools.iter().filter_map(|(tool, usage)| {
            Some(Used {
                id: id.clone(),
                resource: tool.to_string(),
                micros: dollars(usage)?,
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

/// The measures that tell what was spent in US dollars: in all, or in the last month.
const MEASURES: [&str; 2] = ["usd", "usd_30_days"];

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is not negative, and a cast of a number that is too large saturates"
)]
fn dollars(usage: &Usage) -> Option<u64> {
    let spent = MEASURES.iter().find_map(|measure| usage.0.get(*measure))?;
    Some((spent.max(0.0) * MICROS).round() as u64)
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
        assert_eq!(dollars(&openrouter), Some(1_250_000));
        assert_eq!(dollars(&usage(&[("usd_30_days", 0.5)])), Some(500_000));
        assert_eq!(dollars(&usage(&[("messages", 9.0)])), None);
        assert_eq!(dollars(&usage(&[("usd", -1.0)])), Some(0));
    }
}
