//! One check and its result.

use comfy_table::{Cell, Color};
use serde::Serialize;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// Everything is in order.
    Ok,
    /// It works, but needs attention.
    Warn,
    /// It does not work.
    Fail,
    /// It cannot be checked from here.
    Skip,
}

/// What was checked, the result, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// The part of the system: `settings`, `databases`, `services`, `vendors`.
    pub(super) area: &'static str,
    /// The item in this area.
    pub(super) name: String,
    pub(super) verdict: Verdict,
    /// What was found.
    pub(super) found: String,
    /// What to do; absent if there is nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) todo: Option<String>,
}

/// The checks of one area.
#[derive(Debug)]
pub(super) struct Checks {
    area: &'static str,
    all: Vec<Check>,
}

impl Checks {
    pub(super) const fn new(area: &'static str) -> Self {
        Self {
            area,
            all: Vec::new(),
        }
    }

    pub(super) fn ok(&mut self, name: &str, found: impl Into<String>) {
        self.add(name, Verdict::Ok, found.into(), None);
    }

    pub(super) fn warn(&mut self, name: &str, found: impl Into<String>, todo: &str) {
        self.add(name, Verdict::Warn, found.into(), Some(todo));
    }

    pub(super) fn fail(&mut self, name: &str, found: impl Into<String>, todo: &str) {
        self.add(name, Verdict::Fail, found.into(), Some(todo));
    }

    pub(super) fn skip(&mut self, name: &str, found: impl Into<String>, todo: &str) {
        self.add(name, Verdict::Skip, found.into(), Some(todo));
    }

    fn add(&mut self, name: &str, verdict: Verdict, found: String, todo: Option<&str>) {
        self.all.push(Check {
            area: self.area,
            name: name.to_owned(),
            verdict,
            found,
            todo: todo.map(ToOwned::to_owned),
        });
    }

    pub(super) fn into_vec(self) -> Vec<Check> {
        self.all
    }
}

impl Verdict {
    /// Its word in the table.
    pub(super) fn cell(self) -> Cell {
        match self {
            Self::Ok => Cell::new("✓ ok").fg(Color::DarkGreen),
            Self::Warn => Cell::new("! warn").fg(Color::DarkYellow),
            Self::Fail => Cell::new("✗ fail").fg(Color::DarkRed),
            Self::Skip => Cell::new("- skip").fg(Color::DarkGrey),
        }
    }
}
