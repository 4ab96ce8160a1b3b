//! The printed table.

use std::collections::BTreeMap;
use std::fmt;

use super::Operation;
use crate::interceptor::{Step, When};
use agent_pool_stack::Service;

/// The outcome of one kill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Every promise held.
    Held,
    /// The operation ended without this step, which is not taken in every run: nothing was killed.
    NotTaken,
    /// These promises were broken.
    Broken(String),
}

/// One kill.
#[derive(Debug, Clone)]
pub struct Row {
    /// The operation.
    pub operation: Operation,
    /// The killed service.
    pub killed: Service,
    /// Its number among the steps of the operation that this service takes, from 1.
    pub number: usize,
    /// The step.
    pub step: Step,
    /// Whether every undisturbed run took it. The others also include those of background work that happened to run at
    /// the same time.
    pub regular: bool,
    /// Before or after the step.
    pub when: When,
    /// The outcome.
    pub outcome: Outcome,
}

/// The kills of an operation.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// The attempted kills.
    pub rows: Vec<Row>,
    /// The number of all possible kills: more than `rows` if these are a sample.
    pub all: usize,
}

impl Table {
    /// The rows with a broken promise.
    #[must_use]
    pub fn broken(&self) -> Vec<&Row> {
        let rows = self.rows.iter();
        rows.filter(|row| matches!(row.outcome, Outcome::Broken(_)))
            .collect()
    }

    /// The number of regular steps at which nothing was killed.
    #[must_use]
    pub fn missed(&self) -> usize {
        let missed = |row: &&Row| row.regular && row.outcome == Outcome::NotTaken;
        self.rows.iter().filter(missed).count()
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = match &self.outcome {
            Outcome::Held => "held",
            Outcome::NotTaken => "not taken",
            Outcome::Broken(_) => "BROKEN",
        };
        write!(
            f,
            "{:<14} | {:<12} | {:>3} | {:<6} | {outcome:<9} | {}",
            self.operation.to_string(),
            self.killed.name(),
            self.number,
            self.when.to_string(),
            self.step
        )?;
        if let Outcome::Broken(what) = &self.outcome {
            write!(f, "\n    {what}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<14} | {:<12} | {:>3} | {:<6} | {:<9} | step",
            "operation", "killed", "no.", "when", "promises"
        )?;
        let mut sums: BTreeMap<Operation, [usize; 3]> = BTreeMap::new();
        for row in &self.rows {
            writeln!(f, "{row}")?;
            let column = match row.outcome {
                Outcome::Held => 0,
                Outcome::Broken(_) => 1,
                Outcome::NotTaken => 2,
            };
            sums.entry(row.operation).or_default()[column] += 1;
        }
        for (operation, [held, broken, not_taken]) in sums {
            let kills = held + broken;
            write!(
                f,
                "{operation}: {kills} kills, {held} held, {broken} broken; {not_taken} not taken"
            )?;
            let tried = self.rows.len();
            if tried < self.all {
                write!(f, "; a sample: {tried} of {} rows", self.all)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_failed_says_which_promise_broke() {
        let row = |outcome, regular| Row {
            operation: Operation::Claim,
            killed: Service::PoolSvc,
            number: 3,
            step: Step {
                label: "sql COMMIT".to_owned(),
                nth: 2,
            },
            regular,
            when: When::After,
            outcome,
        };
        let broken = Outcome::Broken("double claim of x".to_owned());
        let rows = vec![
            row(Outcome::Held, true),
            row(broken, true),
            row(Outcome::NotTaken, true),
            row(Outcome::NotTaken, false),
        ];
        let mut table = Table { rows, all: 4 };
        let text = table.to_string();
        assert!(
            text.contains("| BROKEN    | sql COMMIT #2\n    double claim of x\n"),
            "{text}"
        );
        assert!(
            text.ends_with("claim: 2 kills, 1 held, 1 broken; 2 not taken\n"),
            "{text}"
        );
        assert_eq!((table.broken().len(), table.missed()), (1, 1));
        table.all = 9;
        let text = table.to_string();
        assert!(
            text.ends_with("2 not taken; a sample: 4 of 9 rows\n"),
            "{text}"
        );
    }
}
