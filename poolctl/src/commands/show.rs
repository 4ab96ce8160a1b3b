//! `poolctl show`.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{InstanceView, LifecycleEvent, Status};
use agent_pool_core::wire::problem::ProblemCode;
use agent_pool_core::wire::services::{InstanceDetails, Logs};
use chrono::Utc;
use clap::Args;
use serde::Serialize;

use super::details::Page;
use super::logs;
use crate::connect::{Target, no_services};
use crate::exit::Exit;
use crate::failure::{Failure, reason};
use crate::out::{Out, during};

/// Most moves of an instance that are shown.
const MOST_MOVES: u16 = 200;

/// One instance: what it has, and what happened to it
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Which; one that is gone has its history still
    id: InstanceId,

    /// Also the last lines that it wrote
    #[arg(long)]
    logs: bool,
}

/// All that is known of one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Known {
    /// As Pool has it; absent where it is gone.
    pub(super) instance: Option<InstanceView>,
    /// What it has, as Services knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) details: Option<InstanceDetails>,
    /// Why Services does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) details_error: Option<String>,
    /// What happened to it, newest first.
    pub(super) events: Vec<LifecycleEvent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logs: Option<Logs>,
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
        let (fleet, events) =
            tokio::join!(target.pool.status(), target.pool.events(id, MOST_MOVES));
        let fleet = fleet.map_err(|error| Failure::of_call(&doing, &error))?;
        let events = events
            .map_err(|error| Failure::of_call(&doing, &error))?
            .events;
        let instance = fleet.instances.into_iter().find(|it| it.id == *id);
        if instance.is_none() && events.is_empty() {
            let told = format!("cannot {doing}: there is no such instance, nor was there lately");
            return Err(Failure::new(Exit::NotFound, "unknown_instance", told)
                .hint("`poolctl list` shows those that there are"));
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

/// What Services has of it, or why that is not known. One that begins may be unknown there.
async fn details(target: &Target, of: &InstanceView) -> (Option<InstanceDetails>, Option<String>) {
    let Some(services) = target.services() else {
        let hint = no_services().hinted().unwrap_or_default().to_owned();
        return (
            None,
            Some(format!("it is not known where Services is: {hint}")),
        );
    };
    match services.instance(&of.id).await {
        Ok(details) => (Some(details), None),
        Err(error) if error.is(&ProblemCode::UnknownInstance) && of.status == Status::Starting => {
            (None, None)
        }
        Err(error) => (None, Some(reason(&error))),
    }
}
