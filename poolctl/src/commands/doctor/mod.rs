//! `poolctl doctor`: whether the system can work, and what to fix.

mod adoption;
mod check;
mod databases;
mod machine;
mod pool;
mod services;
mod settings;
mod strays;
mod vendors;

use agent_pool_core::settings::Environment;
use clap::Args;
use comfy_table::Cell;
use serde::Serialize;

use self::check::{Check, Verdict};
use self::settings::Here;
use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, Table, bad, count_of, dim, during, good, plain, warning};

/// Check settings, databases, services and vendors
///
/// Settings and databases are those that the services would use here: run it where they run, with their variables or
/// their .env file. Nothing is changed. The exit code is 0 if nothing fails, else 1.
#[derive(Debug, Args)]
pub(crate) struct Doctor {}

/// The answer in JSON.
#[derive(Debug, Serialize)]
struct Report {
    /// The version of this program.
    version: &'static str,
    /// Whether nothing fails.
    ok: bool,
    checks: Vec<Check>,
}

impl Doctor {
    /// `addressed`: whether the command line gives the address of the services.
    pub(crate) async fn run(
        self,
        out: Out,
        target: Result<Target, Failure>,
        environment: &Environment,
        addressed: bool,
    ) -> Result<Exit, Failure> {
        let checks = during(
            "checking",
            Box::pin(check_all(target, environment, addressed)),
        )
        .await;
        let ok = checks.iter().all(|it| it.verdict != Verdict::Fail);
        let report = Report {
            version: env!("CARGO_PKG_VERSION"),
            ok,
            checks,
        };
        out.answer(&report, || shown(&report.checks))?;
        Ok(if ok { Exit::Done } else { Exit::Failed })
    }
}

async fn check_all(
    target: Result<Target, Failure>,
    environment: &Environment,
    addressed: bool,
) -> Vec<Check> {
    let (pool, services) = tokio::join!(pool::check(&target), services::check(&target));
    let here = Here::look(
        environment,
        pool.answers || addressed,
        services.answers || addressed,
    );
    let settings = settings::check(&here, environment);
    let strays = strays::check(&here, environment);
    let (machine, databases, adoption, by_settings, by_services) = tokio::join!(
        machine::check(environment),
        databases::check(&here, environment),
        adoption::check(&here, environment),
        vendors::by_settings(&here, environment),
        vendors::by_services(&services, &pool.tools),
    );
    [
        settings,
        strays,
        machine,
        databases,
        adoption,
        pool.checks,
        services.checks,
        by_settings,
        by_services,
    ]
    .into_iter()
    .flat_map(check::Checks::into_vec)
    .collect()
}

fn shown(checks: &[Check]) -> String {
    let mut table = Table::new(&["CHECK", "", "RESULT", "FOUND"]).keep(&[0, 1, 2]);
    let mut area = "";
    for it in checks {
        let heading = if it.area == area { "" } else { it.area };
        area = it.area;
        let found = match &it.todo {
            Some(todo) => format!("{}\n→ {}", plain(&it.found), plain(todo)),
            None => plain(&it.found),
        };
        table.tall_row([
            Cell::new(heading),
            Cell::new(&it.name),
            it.verdict.cell(),
            Cell::new(found),
        ]);
    }
    let number = |verdict| checks.iter().filter(|it| it.verdict == verdict).count();
    let (failed, warned) = (number(Verdict::Fail), number(Verdict::Warn));
    let outcome = match (failed, warned) {
        (0, 0) => good("✓ no problems found"),
        (0, warned) => warning(&format!("! {}, nothing fails", count_of(warned, "warning"))),
        (failed, warned) => {
            let failures = bad(&format!("✗ {}", count_of(failed, "failure")));
            format!(
                "{failures}{}",
                dim(&format!(", {}", count_of(warned, "warning")))
            )
        }
    };
    format!("{table}\n\n{outcome}")
}
