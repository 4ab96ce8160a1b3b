//! `poolctl show`.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{InstanceView, Status};
use agent_pool_core::wire::problem::ProblemCode;
use agent_pool_core::wire::services::InstanceDetails;
use chrono::Utc;
use clap::Args;

use super::details::{Known, Page};
use super::logs;
use crate::connect::{Target, no_services};
use crate::exit::Exit;
use crate::failure::{Failure, reason};
use crate::out::{Out, during};

/// Maximum number of events shown.
const MOST_MOVES: u16 = 200;

/// Show one instance: its resources and its history
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Instance id; the history of destroyed instances is shown too
    id: InstanceId,

    /// Also show its last log lines
    #[arg(long)]
    logs: bool,
}

impl Show {
    pub(crate) async fn run(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        let known = during("asking Pool and Services", self.look(target)).await?;
        out.answer(&known, || {
            Page::new(&self.id, &known, Utc::now()).to_string()
        })?;
        Ok(Exit::Done)
    }

    async fn look(&self, target: &Target) -> Result<Known, Failure> {
        let Self { id, logs } = self;
        let doing = format!("show {id}");
        let (fleet, events) = tokio::join!(
            target.pool.status(),
            target.pool.events(Some(id), None, MOST_MOVES)
        );
        let fleet = fleet.map_err(|error| Failure::of_call(&doing, &error))?;
        let events = events
            .map_err(|error| Failure::of_call(&doing, &error))?
            .events;
        let instance = fleet.instances.into_iter().find(|it| it.id == *id);
        if instance.is_none() && events.is_empty() {
            let message = format!("cannot {doing}: no such instance exists or existed recently");
            return Err(Failure::new(Exit::NotFound, "unknown_instance", message)
                .hint("`poolctl list` shows existing instances"));
        }
        let (details, details_error) = match &instance {
            Some(instance) => details(target, instance).await,
            None => (None, None),
        };
        let logs = match instance.is_some() && *logs {
            true => Some(logs::fetch(target, id, 50).await?),
            false => None,
        };
        Ok(Known {
            instance,
            details,
            details_error,
            events,
            logs,
        })
    }
}

/// Its resources, or why they are unknown. A starting instance may be unknown to Services.
async fn details(target: &Target, of: &InstanceView) -> (Option<InstanceDetails>, Option<String>) {
    let Some(services) = target.services() else {
        let hint = no_services().hinted().unwrap_or_default().to_owned();
        return (None, Some(format!("this needs the Services API; {hint}")));
    };
    match services.instance(&of.id).await {
        Ok(details) => (Some(details), None),
        Err(error) if error.is(&ProblemCode::UnknownInstance) && of.status == Status::Starting => {
            (None, None)
        }
        Err(error) => (None, Some(reason(&error))),
    }
}
