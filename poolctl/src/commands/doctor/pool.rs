//! The running Pool.

use agent_pool_client::CallError;
use agent_pool_core::ToolId;
use agent_pool_core::wire::pool::{Info, PoolStatus};
use agent_pool_core::wire::problem::ProblemCode;
use chrono::Utc;

use super::check::Checks;
use crate::connect::Target;
use crate::failure::{Failure, reason};
use crate::out::age;

const NAME: &str = "Pool";

/// The result of the check.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) checks: Checks,
    /// Whether it runs and accepts the key.
    pub(super) answers: bool,
    /// The tools of every instance.
    pub(super) tools: Vec<ToolId>,
}

pub(super) async fn check(target: &Result<Target, Failure>) -> Looked {
    let mut checks = Checks::new("services");
    let target = match target {
        Ok(target) => target,
        Err(failure) => {
            checks.fail(
                NAME,
                failure.to_string(),
                failure.hinted().unwrap_or_default(),
            );
            return Looked {
                checks,
                answers: false,
                tools: Vec::new(),
            };
        }
    };
    let (info, status) = tokio::join!(target.pool.info(), target.pool.status());
    let url = target.pool.base();
    let info = match info {
        Ok(info) => info,
        Err(error) => {
            report_unhealthy(&mut checks, NAME, "POOL_URL", &error);
            return Looked {
                checks,
                answers: false,
                tools: Vec::new(),
            };
        }
    };
    checks.ok(
        NAME,
        format!("answers at {url}, environment {}", info.environment),
    );
    same_version(&mut checks, NAME, &info.version);
    match status {
        Ok(status) => fleet(&mut checks, &status, &info),
        Err(error) => report_unhealthy(&mut checks, NAME, "POOL_URL", &error),
    }
    Looked {
        checks,
        answers: true,
        tools: info.tools,
    }
}

/// Why a service does not answer correctly.
pub(super) fn report_unhealthy(checks: &mut Checks, name: &str, variable: &str, error: &CallError) {
    let todo = match error {
        CallError::Unreachable { .. } | CallError::Broken { .. } | CallError::TimedOut { .. } => {
            format!("start it, or set {variable} to its address")
        }
        CallError::Refused { problem, .. } if problem.status == 401 => {
            "set POOL_API_KEY to its key".to_owned()
        }
        CallError::Refused { problem, .. } if problem.code != ProblemCode::WithoutCode => {
            "see its log".to_owned()
        }
        CallError::Refused { .. } | CallError::Unreadable { .. } => {
            format!("set {variable} to the address of {name}")
        }
    };
    checks.fail(name, reason(error), &todo);
}

/// Whether its version is that of this program.
pub(super) fn same_version(checks: &mut Checks, name: &str, theirs: &str) {
    let ours = env!("CARGO_PKG_VERSION");
    let name = format!("{name} version");
    if theirs == ours {
        checks.ok(&name, format!("{theirs}, the same as this program"));
        return;
    }
    let theirs = if theirs.is_empty() { "unknown" } else { theirs };
    let todo = "use the same version: the APIs may differ";
    checks.warn(&name, format!("{theirs}, but this program is {ours}"), todo);
}

fn fleet(checks: &mut Checks, status: &PoolStatus, info: &Info) {
    let now = Utc::now();
    if let Some(doubt) = &status.unobserved {
        let since = age(doubt.since, now);
        let found = format!("not observed since {since}: {}", doubt.reason);
        checks.fail(
            "fleet",
            found,
            "restore access to Services; until then no instance is marked as crashed",
        );
    }
    for failure in &status.creation_failures {
        let times = failure.failures_in_a_row;
        let found = format!(
            "{times} creations in a row failed, {}: {}",
            failure.cause, failure.error
        );
        let todo = "see the vendors below; creations are retried automatically";
        checks.fail("fleet", found, todo);
    }
    let counts = &status.counts;
    let found = format!(
        "{} of {} idle, {} starting",
        counts.idle, status.min_idle, counts.starting
    );
    if status.unobserved.is_none() && status.creation_failures.is_empty() {
        if counts.idle == 0 && status.min_idle > 0 {
            let todo = "claims find no idle instance now: wait, or use `poolctl replenish --wait`";
            checks.warn("fleet", found, todo);
        } else {
            let tools: Vec<&str> = info.tools.iter().map(ToolId::as_str).collect();
            checks.ok("fleet", format!("{found}; tools: {}", tools.join(", ")));
        }
    }
}
