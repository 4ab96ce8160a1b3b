//! The outcome of an adoption, for the report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A row that is not adopted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedRow {
    /// The table of the original.
    pub table: String,
    /// The key of the row.
    pub row: String,
    /// Why.
    pub reason: String,
}

/// The outcome of an adoption.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    adopted: BTreeMap<String, u32>,
    skipped: Vec<SkippedRow>,
}

impl Outcome {
    /// Counts an adopted row. `what` describes it, such as `instances that are claimed stay claimed`.
    pub fn adopt(&mut self, what: impl Into<String>) {
        *self.adopted.entry(what.into()).or_default() += 1;
    }

    /// Adds a row that is not adopted.
    pub fn skip(
        &mut self,
        table: impl Into<String>,
        row: impl Into<String>,
        reason: impl Into<String>,
    ) {
        self.skipped.push(SkippedRow {
            table: table.into(),
            row: row.into(),
            reason: reason.into(),
        });
    }

    /// The rows that are not adopted.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedRow] {
        &self.skipped
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
        if self.skipped.is_empty() {
            return text + "No row is skipped.\n";
        }
        text += "Skipped, and left unchanged at the vendors:\n";
        for SkippedRow { table, row, reason } in &self.skipped {
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
        assert_eq!(outcome.report(), format!("{all}No row is skipped.\n"));
        outcome.skip("instances", "x", "it has no URL");
        let left = "Skipped, and left unchanged at the vendors:\n  instances x: it has no URL\n";
        assert_eq!(outcome.report(), format!("{all}{left}"));
        assert_eq!((outcome.adopted(), outcome.skipped().len()), (3, 1));
    }
}
