//! What came of a drain or a replenishment: how far it is, until all of it is done.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{Affected, Status};
use agent_pool_service_kit::db::{Conn, DbError};
use chrono::DateTime;
use maud::{Markup, html};

use super::super::db::batch::{self, Fate};
use super::super::show;
use super::asked::Asked;
use crate::app::App;
use crate::lifecycle::Cause;

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Drain,
    Replenish,
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    deed: Deed,
    number: u32,
    /// Empty where it cannot be followed.
    fates: Vec<Fate>,
}

impl Deed {
    const fn cause(self) -> Cause {
        match self {
            Self::Drain => Cause::Drained,
            Self::Replenish => Cause::WarmUp,
        }
    }

    /// Where its outcome is told.
    pub(super) async fn told_at(self, app: &App, affected: &Affected) -> String {
        let name = match self {
            Self::Drain => "drained",
            Self::Replenish => "begun",
        };
        let told = format!("/?{name}={}", affected.count);
        let at = match affected.instance_ids.first() {
            Some(first) => self.at(app, first).await.ok().flatten(),
            None => None,
        };
        at.map_or_else(|| told.clone(), |at| format!("{told}&at={at}"))
    }

    async fn at(self, app: &App, first: &InstanceId) -> Result<Option<i64>, DbError> {
        let mut conn = app.db.conn().await?;
        let at = batch::moved_at(&mut conn, first, self.cause()).await?;
        Ok(at.map(|at| at.timestamp_micros()))
    }
}

/// What the page is to tell, if anything was just done.
pub(super) async fn load(conn: &mut Conn, asked: &Asked) -> Result<Option<Outcome>, DbError> {
    let (deed, number) = match (asked.drained, asked.begun) {
        (Some(number), _) => (Deed::Drain, number),
        (None, Some(number)) => (Deed::Replenish, number),
        (None, None) => return Ok(None),
    };
    let fates = match asked.at.and_then(DateTime::from_timestamp_micros) {
        Some(at) => batch::fates(conn, deed.cause(), at).await?,
        None => Vec::new(),
    };
    Ok(Some(Outcome {
        deed,
        number,
        fates,
    }))
}

impl Outcome {
    pub(super) fn draw(&self) -> Markup {
        let (words, what) = match (self.deed, self.number) {
            (Deed::Drain, 0) => return nothing("Nothing to drain: no instance is idle."),
            (Deed::Replenish, 0) => {
                return nothing(
                    "Nothing was begun: there are as many as wanted, or as many as POOL_MAX_TOTAL allows.",
                );
            }
            (Deed::Drain, _) => ("Draining", "Drained"),
            (Deed::Replenish, _) => ("Beginning", "Begun"),
        };
        let [done, failed, left] = self.parts();
        let of = show::instances(self.number);
        html! {
            div .notice.warn[failed > 0] role="status" {
                @if self.fates.is_empty() { (what) " " (of) "." }
                @else if left > 0 {
                    span { (words) " " (of) ": " (self.words(done, failed)) ", " (left) " to go." }
                    progress max=(self.number) value=(done + failed) aria-label=(words) {}
                }
                @else { (what) " " (of) ": " (self.words(done, failed)) "." }
            }
        }
    }

    /// How many are done, failed, and neither.
    fn parts(&self) -> [u32; 3] {
        let mut parts = [0; 3];
        for fate in &self.fates {
            let part = match (self.deed, fate.status) {
                (Deed::Drain, None)
                | (
                    Deed::Replenish,
                    Some(Status::Idle | Status::Claiming | Status::Claimed | Status::Crashed),
                ) => 0,
                (Deed::Replenish, None | Some(Status::Destroying)) => 1,
                (Deed::Drain, Some(_)) | (Deed::Replenish, Some(Status::Starting)) => 2,
            };
            parts[part] += fate.number;
        }
        parts
    }

    fn words(&self, done: u32, failed: u32) -> String {
        let done = match self.deed {
            Deed::Drain => format!("{done} destroyed"),
            Deed::Replenish => format!("{done} ready"),
        };
        if failed == 0 {
            done
        } else {
            format!("{done}, {failed} gone again")
        }
    }
}

fn nothing(words: &str) -> Markup {
    html! { p .notice.warn role="status" { (words) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(deed: Deed, fates: &[(Option<Status>, u32)]) -> String {
        let fate = |&(status, number)| Fate { status, number };
        let outcome = Outcome {
            deed,
            number: fates.iter().map(|(_, number)| number).sum(),
            fates: fates.iter().map(fate).collect(),
        };
        outcome.draw().into_string()
    }

    #[test]
    fn it_is_told_how_far_it_is_and_then_what_came_of_it() {
        use Status::{Claimed, Destroying, Idle, Starting};
        for (deed, fates, text) in [
            (
                Deed::Drain,
                &[(Some(Destroying), 2)][..],
                "Draining 2 instances: 0 destroyed, 2 to go.",
            ),
            (
                Deed::Drain,
                &[(Some(Destroying), 1), (None, 2)],
                "2 destroyed, 1 to go.",
            ),
            (
                Deed::Drain,
                &[(None, 1)],
                "Drained 1 instance: 1 destroyed.",
            ),
            (
                Deed::Replenish,
                &[(Some(Starting), 3), (Some(Idle), 1)],
                "Beginning 4 instances: 1 ready, 3 to go.",
            ),
            (
                Deed::Replenish,
                &[(Some(Claimed), 1), (Some(Idle), 1)],
                "Begun 2 instances: 2 ready.",
            ),
            (
                Deed::Replenish,
                &[(Some(Idle), 1), (None, 1)],
                "Begun 2 instances: 1 ready, 1 gone again.",
            ),
            (Deed::Drain, &[], "Nothing to drain"),
            (Deed::Replenish, &[], "Nothing was begun"),
        ] {
            let told = told(deed, fates);
            assert!(told.contains(text), "{text} is not in {told}");
            assert_eq!(told.contains("<progress"), text.contains("to go"), "{told}");
        }
    }
}
