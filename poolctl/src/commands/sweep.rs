//! `poolctl sweep`.

use agent_pool_client::Services;
use agent_pool_core::wire::services::{SweepReport, SweepRequest};
use chrono::{DateTime, Utc};
use clap::Args;
use comfy_table::{Cell, Color};

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, Table, Yes, ago, cell, count_of, dim, during, good, plain, warning};

/// Compare the vendors' resources with the database
#[derive(Debug, Args)]
pub(crate) struct Sweep {
    /// Destroy orphans: resources with our mark that belong to no instance, older than the grace period
    #[arg(long)]
    destroy: bool,

    /// Recreate tools that are missing at their vendors, and redeploy their instances
    #[arg(long)]
    repair: bool,

    /// Show the last sweep instead of starting one
    #[arg(long, conflicts_with_all = ["destroy", "repair"])]
    last: bool,

    #[command(flatten)]
    yes: Yes,
}

impl Sweep {
    pub(crate) async fn run(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        let services = target.need_services()?;
        if self.last {
            let report = during("asking Services", services.last_sweep()).await;
            let report = report.map_err(|error| Failure::of_call("show the last sweep", &error))?;
            return answer(out, &report);
        }
        let looked = sweep(services, SweepRequest::default()).await?;
        if !self.acts_on(&looked) {
            return answer(out, &looked);
        }
        out.note(&shown(&looked, Utc::now()));
        self.yes.or_ask(&self.question(&looked))?;
        let wanted = SweepRequest {
            destroy: self.destroy,
            repair: self.repair,
            ..SweepRequest::default()
        };
        answer(out, &sweep(services, wanted).await?)
    }

    /// Whether the options apply to any finding.
    fn acts_on(&self, found: &SweepReport) -> bool {
        (self.destroy && !found.orphans.is_empty()) || (self.repair && !found.missing.is_empty())
    }

    fn question(&self, found: &SweepReport) -> String {
        let orphans = count_of(found.orphans.len(), "orphan");
        let missing = count_of(found.missing.len(), "missing resource");
        match (self.destroy, self.repair) {
            (true, false) => format!("Destroy {orphans}? This cannot be undone"),
            (false, _) => format!("Recreate {missing} and redeploy the instances?"),
            (true, true) => format!("Destroy {orphans} and recreate {missing}?"),
        }
    }
}

async fn sweep(services: &Services, wanted: SweepRequest) -> Result<SweepReport, Failure> {
    let report = during("sweeping every vendor", services.sweep(&wanted)).await;
    report.map_err(|error| Failure::of_call("sweep", &error))
}

/// Prints the report. A vendor that could not be listed is a failure, because it may hide orphans.
fn answer(out: Out, report: &SweepReport) -> Result<Exit, Failure> {
    out.answer(report, || shown(report, Utc::now()))?;
    Ok(if report.failures.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn shown(report: &SweepReport, now: DateTime<Utc>) -> String {
    let when = dim(&format!(
        "swept {}, took {} ms",
        ago(report.swept_at, now),
        report.took_ms
    ));
    let failures = report.failures.iter();
    let failures: String = failures
        .map(|(provider, why)| {
            format!(
                "{}\n",
                warning(&plain(format!("! {provider} was not swept: {why}")))
            )
        })
        .collect();
    if report.orphans.is_empty() && report.missing.is_empty() {
        let nothing = match failures.is_empty() {
            true => format!("{} No orphans, nothing missing.", good("✓")),
            false => "Elsewhere: no orphans, nothing missing.".to_owned(),
        };
        return format!("{failures}{nothing}  {when}");
    }
    let mut table =
        Table::new(&["FOUND", "PROVIDER", "RESOURCE", "INSTANCE", "SINCE"]).keep(&[0, 1, 3]);
    for it in &report.orphans {
        table.tall_row([
            found("orphan", "destroyed", it.destroyed),
            cell(&it.provider),
            cell(&it.resource_id),
            cell(&it.instance_id),
            cell(
                it.created_at
                    .map_or_else(|| "-".to_owned(), |at| ago(at, now)),
            ),
        ]);
    }
    for it in &report.missing {
        table.tall_row([
            found("missing", "recreated", it.repaired),
            cell(&it.provider),
            cell(&it.resource_id),
            cell(&it.instance_id),
            cell(ago(it.since, now)),
        ]);
    }
    format!("{failures}{table}\n\n{}  {when}", count(report))
}

fn found(what: &str, ended: &str, done: bool) -> Cell {
    match done {
        true => cell(format!("{what}, {ended}")).fg(Color::DarkGreen),
        false => cell(what).fg(Color::DarkYellow),
    }
}

fn count(report: &SweepReport) -> String {
    let orphans = count_of(report.orphans.len(), "orphan");
    let missing = count_of(report.missing.len(), "missing resource");
    let left = report.orphans.iter().any(|it| !it.destroyed);
    let hint = if left {
        "; `poolctl sweep --destroy` removes orphans"
    } else {
        ""
    };
    format!("{orphans}, {missing}{hint}")
}
