//! `poolctl events`.

use agent_pool_core::wire::pool::{Events as Answer, LifecycleEvent, Status};
use agent_pool_core::{InstanceId, PoolName};
use chrono::{DateTime, Utc};
use clap::Args;
use comfy_table::Cell;

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, Table, clock, during};

use super::logs::printable;

/// Changes of instances, newest first, and who made them
#[derive(Debug, Args)]
pub(crate) struct Events {
    /// Only the changes of this instance
    id: Option<InstanceId>,

    /// Only the changes of instances of this pool, also of a deleted one
    #[arg(long, value_name = "NAME")]
    pool: Option<PoolName>,

    /// Number of events
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

impl Events {
    pub(crate) async fn run(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        let events = target
            .pool
            .events(self.id.as_ref(), self.pool.as_ref(), self.limit);
        let events = during("asking Pool", events).await;
        let events = events.map_err(|error| Failure::of_call("list events", &error))?;
        out.answer(&events, || table(&events, Utc::now()))?;
        Ok(Exit::Done)
    }
}

fn table(answer: &Answer, now: DateTime<Utc>) -> String {
    if answer.events.is_empty() {
        return "No events.".to_owned();
    }
    let head = ["TIME", "INSTANCE", "FROM", "TO", "CAUSE", "BY"];
    let mut table = Table::new(&head).keep(&[0, 1, 2, 3]);
    let word =
        |status: Option<Status>, none: &'static str| Cell::new(status.map_or(none, Status::as_str));
    for event in &answer.events {
        table.row([
            Cell::new(clock(event.at, now)),
            Cell::new(&event.instance_id),
            word(event.from, "-"),
            word(event.to, "destroyed"),
            Cell::new(printable(&event.cause)),
            Cell::new(by(event)),
        ]);
    }
    table.to_string()
}

/// Who made a change: `ann from 10.0.0.7`, or the pool itself.
pub(super) fn by(event: &LifecycleEvent) -> String {
    match (&event.principal, &event.source) {
        (None, _) => "pool".to_owned(),
        (Some(name), None) => printable(name),
        (Some(name), Some(source)) => printable(&format!("{name} from {source}")),
    }
}
