//! What becomes of the rows of the original, as it is reported.

use std::collections::BTreeMap;

use serde::Serialize;

/// A row that is not adopted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftAside {
    /// The table of the original.
    pub table: &'static str,
    /// The key of the row.
    pub row: String,
    /// Why.
    pub reason: String,
}

/// What becomes of the rows of the original.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    adopted: BTreeMap<String, u32>,
    left_aside: Vec<LeftAside>,
}

impl Outcome {
    /// Counts a row that is adopted. `what` says as what, such as `instances that are claimed stay claimed`.
    pub fn adopt(&mut self, what: impl Into<String>) {
        *self.adopted.entry(what.into()).or_default() += 1;
    }

    /// Notes a row that is not adopted.
    pub fn leave(
        &mut self,
        table: &'static str,
        row: impl Into<String>,
        reason: impl Into<String>,
    ) {
        self.left_aside.push(LeftAside {
            table,
            row: row.into(),
            reason: reason.into(),
        });
    }

    /// The rows that are not adopted.
    #[must_use]
    pub fn left_aside(&self) -> &[LeftAside] {
        &self.left_aside
    }

    /// How many rows are adopted.
    #[must_use]
    pub fn adopted(&self) -> u32 {
        self.adopted.values().sum()
    }

    /// The report for people.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = "Adopted:\n".to_owned();
        for (what, count) in &self.adopted {
            text += &format!("  {count} {what}\n");
        }
        if self.left_aside.is_empty() {
            return text + "Nothing is left aside.\n";
        }
        text += "Left aside, and not touched at any vendor:\n";
        for LeftAside { table, row, reason } in &self.left_aside {
            text += &format!("  {table} {row}: {reason}\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_counts_what_is_adopted_and_names_what_is_not() {
        let mut outcome = Outcome::default();
        for what in ["claimed stay claimed", "idle stay idle", "idle stay idle"] {
            outcome.adopt(what);
        }
        let all = "Adopted:\n  1 claimed stay claimed\n  2 idle stay idle\n";
        assert_eq!(outcome.report(), format!("{all}Nothing is left aside.\n"));
        outcome.leave("instances", "x", "it has no URL");
        let left = "Left aside, and not touched at any vendor:\n  instances x: it has no URL\n";
        assert_eq!(outcome.report(), format!("{all}{left}"));
        assert_eq!((outcome.adopted(), outcome.left_aside().len()), (3, 1));
    }
}
