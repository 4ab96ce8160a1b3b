//! The progress of a drain or a replenishment.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{Affected, Status};
use agent_pool_service_kit::db::{Conn, DbError};
use chrono::DateTime;
use maud::{Markup, html};

use super::super::db::batch::{self, StatusCount};
use super::super::format;
use super::query::FleetQuery;
use crate::app::App;
use crate::lifecycle::Cause;

/// An operation on several instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BatchAction {
    Drain,
    Replenish,
}

/// The progress of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BatchProgress {
    action: BatchAction,
    number: u32,
    /// Empty if the batch is unknown.
    counts: Vec<StatusCount>,
}

impl BatchAction {
    const fn cause(self) -> Cause {
        match self {
            Self::Drain => Cause::Drained,
            Self::Replenish => Cause::WarmUp,
        }
    }

    /// The URL of the page that shows the progress.
    pub(super) async fn progress_url(self, app: &App, affected: &Affected) -> String {
        let name = match self {
            Self::Drain => "drained",
            Self::Replenish => "begun",
        };
        let url = format!("/?{name}={}", affected.count);
        let at = match affected.instance_ids.first() {
            Some(first) => self.time(app, first).await.ok().flatten(),
            None => None,
        };
        at.map_or_else(|| url.clone(), |at| format!("{url}&at={at}"))
    }

    async fn time(self, app: &App, first: &InstanceId) -> Result<Option<i64>, DbError> {
        let mut conn = app.db.conn().await?;
        let at = batch::find_time(&mut conn, first, self.cause()).await?;
        Ok(at.map(|at| at.timestamp_micros()))
    }
}

/// The progress to show, if an operation just started.
pub(super) async fn load(
    conn: &mut Conn,
    query: &FleetQuery,
) -> Result<Option<BatchProgress>, DbError> {
    let (action, number) = match (query.drained, query.begun) {
        (Some(number), _) => (BatchAction::Drain, number),
        (None, Some(number)) => (BatchAction::Replenish, number),
        (None, None) => return Ok(None),
    };
    let counts = match query.at.and_then(DateTime::from_timestamp_micros) {
        Some(at) => batch::count_by_status(conn, action.cause(), at).await?,
        None => Vec::new(),
    };
    Ok(Some(BatchProgress {
        action,
        number,
        counts,
    }))
}

impl BatchProgress {
    pub(super) fn draw(&self) -> Markup {
        let (words, what) = match (self.action, self.number) {
            (BatchAction::Drain, 0) => return nothing("Nothing to drain: no instance is idle."),
            (BatchAction::Replenish, 0) => {
                return nothing(
                    "No instance was created: the pool has reached its target or POOL_MAX_TOTAL.",
                );
            }
            (BatchAction::Drain, _) => ("Draining", "Drained"),
            (BatchAction::Replenish, _) => ("Creating", "Created"),
        };
        let [done, failed, left] = self.totals();
        let of = format::instances(self.number);
        html! {
            div .notice.warn[failed > 0] role="status" {
                @if self.counts.is_empty() { (what) " " (of) "." }
                @else if left > 0 {
                    span { (words) " " (of) ": " (self.words(done, failed)) ", " (left) " in progress." }
                    progress max=(self.number) value=(done + failed) aria-label=(words) {}
                }
                @else { (what) " " (of) ": " (self.words(done, failed)) "." }
            }
        }
    }

    /// How many are done, failed and in progress.
    fn totals(&self) -> [u32; 3] {
        let mut totals = [0; 3];
        for count in &self.counts {
            let part = match (self.action, count.status) {
                (BatchAction::Drain, None)
                | (
                    BatchAction::Replenish,
                    Some(Status::Idle | Status::Claiming | Status::Claimed | Status::Crashed),
                ) => 0,
                (BatchAction::Replenish, None | Some(Status::Destroying)) => 1,
                (BatchAction::Drain, Some(_))
                | (BatchAction::Replenish, Some(Status::Starting)) => 2,
            };
            totals[part] += count.number;
        }
        totals
    }

    fn words(&self, done: u32, failed: u32) -> String {
        let done = match self.action {
            BatchAction::Drain => format!("{done} destroyed"),
            BatchAction::Replenish => format!("{done} ready"),
        };
        if failed == 0 {
            done
        } else {
            format!("{done}, {failed} failed")
        }
    }
}

fn nothing(words: &str) -> Markup {
    html! { p .notice.warn role="status" { (words) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(action: BatchAction, counts: &[(Option<Status>, u32)]) -> String {
        let count = |&(status, number)| StatusCount { status, number };
        let progress = BatchProgress {
            action,
            number: counts.iter().map(|(_, number)| number).sum(),
            counts: counts.iter().map(count).collect(),
        };
        progress.draw().into_string()
    }

    #[test]
    fn a_batch_shows_its_progress_and_then_its_result() {
        use Status::{Claimed, Destroying, Idle, Starting};
        for (action, counts, text) in [
            (
                BatchAction::Drain,
                &[(Some(Destroying), 2)][..],
                "Draining 2 instances: 0 destroyed, 2 in progress.",
            ),
            (
                BatchAction::Drain,
                &[(Some(Destroying), 1), (None, 2)],
                "2 destroyed, 1 in progress.",
            ),
            (
                BatchAction::Drain,
                &[(None, 1)],
                "Drained 1 instance: 1 destroyed.",
            ),
            (
                BatchAction::Replenish,
                &[(Some(Starting), 3), (Some(Idle), 1)],
                "Creating 4 instances: 1 ready, 3 in progress.",
            ),
            (
                BatchAction::Replenish,
                &[(Some(Claimed), 1), (Some(Idle), 1)],
                "Created 2 instances: 2 ready.",
            ),
            (
                BatchAction::Replenish,
                &[(Some(Idle), 1), (None, 1)],
                "Created 2 instances: 1 ready, 1 failed.",
            ),
            (BatchAction::Drain, &[], "Nothing to drain"),
            (BatchAction::Replenish, &[], "No instance was created"),
        ] {
            let drawn = drawn(action, counts);
            assert!(drawn.contains(text), "{text} is not in {drawn}");
            assert_eq!(
                drawn.contains("<progress"),
                text.contains("in progress"),
                "{drawn}"
            );
        }
    }
}
