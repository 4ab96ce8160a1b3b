//! The page of `poolctl show`.

use std::fmt;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{InstanceView, LifecycleEvent, Status};
use agent_pool_core::wire::services::{Document, InstanceDetails, Logs};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::events::by;
use super::logs;
use crate::out::{ago, clock, colour_of, dim, plain, strong, warning};

/// Everything known about an instance.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Known {
    /// Pool's view; absent once it is destroyed.
    pub(super) instance: Option<InstanceView>,
    /// Its resources according to Services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) details: Option<InstanceDetails>,
    /// The error, if Services did not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) details_error: Option<String>,
    /// Its history, newest first.
    pub(super) events: Vec<LifecycleEvent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logs: Option<Logs>,
}

/// The output of `poolctl show`.
pub(super) struct Page<'a> {
    id: &'a InstanceId,
    known: &'a Known,
    now: DateTime<Utc>,
}

impl<'a> Page<'a> {
    pub(super) const fn new(id: &'a InstanceId, known: &'a Known, now: DateTime<Utc>) -> Self {
        Self { id, known, now }
    }

    fn instance(&self, f: &mut fmt::Formatter<'_>, it: &InstanceView) -> fmt::Result {
        let since = |at: Option<DateTime<Utc>>| at.map(|at| ago(at, self.now));
        let facts = [
            ("agent", it.agent_name.clone()),
            ("invite", it.invite_url.clone()),
            ("name", Some(it.name.clone())),
            ("url", it.url.as_ref().map(ToString::to_string)),
            ("created", since(Some(it.created_at))),
            ("claimed", since(it.claimed_at)),
            (
                "waits",
                it.accept_by
                    .map(|by| format!("to be accepted, until {}", by.format("%F %H:%M UTC"))),
            ),
            (
                "ends",
                it.ends_at.map(|end| end.format("%F %H:%M UTC").to_string()),
            ),
            ("healthy", since(it.last_healthy_at)),
        ];
        for (name, value) in facts {
            if let Some(value) = value {
                writeln!(f, "  {} {}", dim(&format!("{name:<9}")), plain(value))?;
            }
        }
        Ok(())
    }

    fn timeline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}", strong("Timeline"))?;
        for event in self.known.events.iter().rev() {
            let word = |status: Option<Status>, none: &str| {
                status.map_or_else(
                    || dim(none),
                    |it| colour_of(it).apply_to(it.as_str()).to_string(),
                )
            };
            let at = dim(&clock(event.at, self.now));
            let to = word(event.to, "destroyed");
            writeln!(
                f,
                "  {at}  {} {to}  {}",
                dim("→"),
                dim(&plain(cause(event)))
            )?;
        }
        Ok(())
    }
}

/// The cause of an event, and who requested it.
fn cause(event: &LifecycleEvent) -> String {
    match event.principal {
        Some(_) => format!("{}, by {}", event.cause, by(event)),
        None => event.cause.clone(),
    }
}

/// What Services says about an instance, section by section.
fn write_document(f: &mut fmt::Formatter<'_>, document: &Document) -> fmt::Result {
    for section in &document.sections {
        writeln!(f, "\n{}", strong(&plain(&section.title)))?;
        let labels = section.rows.iter().map(|row| row.label.chars().count());
        let width = labels.max().unwrap_or_default();
        for row in &section.rows {
            let label = dim(&format!("{:<width$}", plain(&row.label)));
            writeln!(f, "  {label}  {}", plain(&row.value))?;
        }
    }
    Ok(())
}

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Known {
            instance,
            details,
            details_error,
            logs,
            ..
        } = self.known;
        let status = instance.as_ref().map_or_else(
            || dim("destroyed"),
            |it| {
                colour_of(it.status)
                    .apply_to(it.status.as_str())
                    .to_string()
            },
        );
        writeln!(f, "{}  {status}", strong(self.id.as_str()))?;
        if let Some(instance) = instance {
            self.instance(f, instance)?;
        }
        if let Some(details) = details {
            write_document(f, &details.document)?;
        }
        if let Some(why) = details_error {
            writeln!(
                f,
                "\n{}",
                warning(&format!("! the resources are unknown: {}", plain(why)))
            )?;
        }
        self.timeline(f)?;
        if let Some(written) = logs {
            writeln!(
                f,
                "\n{}\n{}",
                strong("Logs"),
                logs::lines(written, self.now)
            )?;
        }
        Ok(())
    }
}
