//! The result of a run, as a table.

use std::fmt;

/// The outcome of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The promise was kept.
    Kept,
    /// The promise was broken, and how.
    Broken(String),
    /// The case could not run, and why.
    NotApplicable(String),
}

/// One case of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The case's name.
    pub case: &'static str,
    /// The promise that it tests, in the words of the trait's contract.
    pub promise: &'static str,
    /// What goes wrong for users if the promise is broken.
    pub matters: &'static str,
    /// Its outcome.
    pub outcome: Outcome,
}

/// The result of a run of the suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub(super) provider: &'static str,
    pub(super) rows: Vec<Row>,
}

impl Report {
    /// Every case, in the order of the run.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The cases whose promise was broken.
    pub fn failed(&self) -> impl Iterator<Item = &Row> {
        let broken = |row: &&Row| matches!(row.outcome, Outcome::Broken(_));
        self.rows.iter().filter(broken)
    }

    /// Prints the table.
    ///
    /// # Panics
    /// When a promise was broken.
    pub fn assert(&self) {
        eprintln!("{self}");
        let failed = self.failed().count();
        assert!(failed == 0, "{failed} promises are broken: see above");
    }

    /// Like [`Report::assert`]; in addition, every case must run except those in `not_applicable`, each with the
    /// reason why it does not apply to this vendor. A harness that lacks a hook thus does not skip a case unnoticed.
    ///
    /// # Panics
    /// When a promise was broken, when another case did not run, or when a case of `not_applicable` ran or is unknown.
    pub fn assert_ran(&self, not_applicable: &[(&str, &str)]) {
        self.assert();
        let expected = |case: &str| not_applicable.iter().any(|(name, _)| *name == case);
        for row in &self.rows {
            if let Outcome::NotApplicable(why) = &row.outcome {
                let case = row.case;
                assert!(
                    expected(case),
                    "{case} did not run, and no reason is given: {why}"
                );
            }
        }
        for (case, reason) in not_applicable {
            let row = self.rows.iter().find(|row| row.case == *case);
            let skipped = row.is_some_and(|row| matches!(row.outcome, Outcome::NotApplicable(_)));
            assert!(
                skipped,
                "{case} ran or is unknown, so this reason is out of date: {reason}"
            );
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "conformance of {}", self.provider)?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let case = self.case;
        match &self.outcome {
            Outcome::Kept => write!(f, "  {case:<26} ran"),
            Outcome::NotApplicable(why) => write!(f, "  {case:<26} not applicable: {why}"),
            Outcome::Broken(how) => write!(
                f,
                "  {case:<26} FAILED: {how}\n{:30}promise: {}\n{:30}it matters: {}",
                "", self.promise, "", self.matters
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcome: Outcome) -> Report {
        let row = Row {
            case: "twice",
            promise: "Never two.",
            matters: "It costs.",
            outcome,
        };
        Report {
            provider: "acme",
            rows: vec![row],
        }
    }

    #[test]
    fn the_table_says_what_failed_which_promise_and_why_it_matters() {
        let table = report(Outcome::Broken("there are 2".to_owned())).to_string();
        for part in ["acme", "twice", "there are 2", "Never two.", "It costs."] {
            assert!(table.contains(part), "{table}");
        }
        let table = report(Outcome::NotApplicable("one page".to_owned())).to_string();
        assert!(table.contains("not applicable: one page"), "{table}");
    }

    #[test]
    #[should_panic(expected = "1 promises are broken")]
    fn a_broken_promise_fails_the_test() {
        report(Outcome::Broken(String::new())).assert();
    }

    #[test]
    fn a_case_that_did_not_run_needs_a_reason() {
        let skipped = report(Outcome::NotApplicable("one page".to_owned()));
        skipped.assert_ran(&[("twice", "this vendor has no pages")]);
        let panics = |report: Report, reasons: &'static [(&str, &str)]| {
            std::panic::catch_unwind(move || report.assert_ran(reasons)).is_err()
        };
        assert!(panics(skipped.clone(), &[]), "without a reason");
        assert!(
            panics(skipped, &[("twice", "r"), ("thrice", "r")]),
            "an unknown case"
        );
        assert!(panics(report(Outcome::Kept), &[("twice", "r")]), "it ran");
        report(Outcome::Kept).assert_ran(&[]);
    }

    #[test]
    fn a_case_that_is_not_applicable_does_not_fail_the_test() {
        report(Outcome::NotApplicable(String::new())).assert();
    }
}
