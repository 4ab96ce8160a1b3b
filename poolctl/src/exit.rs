//! Exit codes, for scripts. These numbers are API: they do not change.

use std::process::ExitCode;

use agent_pool_core::wire::problem::{Problem, ProblemCode};

/// The exit codes. The README has the same table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Success.
    Done = 0,
    /// The command failed, or found a problem.
    Failed = 1,
    /// The command line is invalid, or one of its values is refused.
    Usage = 2,
    /// No instance is idle.
    NothingIdle = 3,
    /// There is no such instance, template or resource.
    NotFound = 4,
    /// The key was rejected.
    KeyRefused = 5,
    /// Pool or Services cannot be reached.
    Unreachable = 6,
    /// The object is in the wrong state or busy; the command may succeed later.
    Conflict = 7,
    /// Ctrl-C.
    Interrupted = 130,
}

impl Exit {
    /// The exit code of a refusal.
    pub(crate) fn from_problem(problem: &Problem) -> Self {
        match (problem.status, &problem.code) {
            (_, ProblemCode::NoIdleInstance) => Self::NothingIdle,
            (401, _) => Self::KeyRefused,
            (400 | 422, _) => Self::Usage,
            // The path does not exist: it was not Pool or Services that answered.
            (404, ProblemCode::UnknownRoute) => Self::Failed,
            (404, _) => Self::NotFound,
            (409, _) => Self::Conflict,
            _ => Self::Failed,
        }
    }

    /// The number.
    pub(crate) const fn number(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_its_exit_code() {
        #[rustfmt::skip]
        let table = [
            (503, "no_idle_instance",       3),
            (401, "unauthorized",           5),
            (404, "unknown_instance",       4),
            (404, "unknown_template",       4),
            (404, "unknown_route",          1),
            (409, "not_crashed",            7),
            (409, "sweep_running",          7),
            (400, "invalid_field",          2),
            (422, "idempotency_key_reused", 2),
            (502, "claim_failed",           1),
            (503, "services_unavailable",   1),
        ];
        for (status, code, number) in table {
            let exit = Exit::from_problem(&Problem::new(code.into(), "x").with_status(status));
            assert_eq!(exit.number(), number, "{code}");
        }
    }

    #[test]
    fn the_readme_has_every_exit_code() {
        let readme = include_str!("../README.md");
        for exit in [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::NothingIdle,
            Exit::NotFound,
            Exit::KeyRefused,
            Exit::Unreachable,
            Exit::Conflict,
            Exit::Interrupted,
        ] {
            let row = format!("\n| {} | ", exit.number());
            assert!(readme.contains(&row), "README.md lacks {exit:?}");
        }
    }
}
