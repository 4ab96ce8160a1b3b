//! An instance on one page.

use std::fmt;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{InstanceView, Status};
use agent_pool_core::wire::services::{InstanceDetails, InstanceToolDetails, ToolStatus};
use chrono::{DateTime, Utc};
use comfy_table::Cell;

use super::logs;
use super::show::Known;
use crate::out::{Table, ago, clock, colour_of, dim, strong, warning};

/// What `poolctl show` prints.
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
            ("healthy", since(it.last_healthy_at)),
        ];
        for (name, value) in facts {
            if let Some(value) = value {
                writeln!(f, "  {} {value}", dim(&format!("{name:<9}")))?;
            }
        }
        Ok(())
    }

    fn details(&self, f: &mut fmt::Formatter<'_>, it: &InstanceDetails) -> fmt::Result {
        let infra = &it.infra;
        let mut facts = vec![infra.provider.to_string()];
        facts.extend(infra.deploy_status.as_ref().map(ToString::to_string));
        facts.extend(infra.service_id.as_ref().map(|id| format!("service {id}")));
        facts.extend(infra.image.as_ref().map(|image| format!("image {image}")));
        facts.extend(it.busy.then(|| warning("an operation is at work on it")));
        writeln!(f, "  {} {}", dim("infra    "), facts.join(", "))?;
        if it.tools.is_empty() {
            return writeln!(f, "\nIt has no tools.");
        }
        let mut table =
            Table::new(&["TOOL", "RESOURCE", "STATUS", "USAGE", "SINCE"]).keep(&[0, 2, 4]);
        for tool in &it.tools {
            table.tall_row([
                Cell::new(&tool.tool_id),
                Cell::new(tool.resource_id.as_ref().map_or("-", |id| id.as_str())),
                Cell::new(tool_status(tool)),
                Cell::new(usage(tool)),
                Cell::new(ago(tool.created_at, self.now)),
            ]);
        }
        writeln!(f, "\n{table}")
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
            let to = word(event.to, "gone");
            writeln!(f, "  {at}  {} {to}  {}", dim("→"), dim(&event.cause))?;
        }
        Ok(())
    }
}

fn tool_status(tool: &InstanceToolDetails) -> &'static str {
    match (tool.status, tool.resource_id.is_some()) {
        (ToolStatus::Active, true) => "active",
        (ToolStatus::Active, false) => "being made",
        (ToolStatus::Destroyed, _) => "destroyed",
    }
}

fn usage(tool: &InstanceToolDetails) -> String {
    let Some(usage) = &tool.usage else {
        return "-".to_owned();
    };
    let each = usage.0.iter().map(|(what, much)| format!("{what} {much}"));
    each.collect::<Vec<_>>().join(", ")
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
            || dim("gone"),
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
            self.details(f, details)?;
        }
        if let Some(why) = details_error {
            writeln!(
                f,
                "\n{}",
                warning(&format!("! what it has is not known: {why}"))
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
