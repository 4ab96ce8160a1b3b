//! What came of a run, as a table.

use std::fmt;

/// What came of one case.
///
/// ```
/// use agent_pool_core::conformance::Outcome;
///
/// let outcome = Outcome::NotApplicable("the vendor answers in one page".to_owned());
/// assert_ne!(outcome, Outcome::Kept);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The promise was kept.
    Kept,
    /// The promise was broken, and how.
    Broken(String),
    /// The case could not be tried, and why.
    NotApplicable(String),
}

/// One case of a run.
///
/// ```
/// # use agent_pool_core::{conformance, doctest::{AtNothing, run}};
/// # let report = run(conformance::tool(&AtNothing));
/// let row = report.failed().find(|row| row.case == "wrong_key").unwrap();
/// assert_eq!(row.promise, "A key that the vendor does not accept is `Unauthorized`.");
/// assert!(row.to_string().contains(row.matters), "it is told, and why it matters");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The case's name.
    pub case: &'static str,
    /// The promise that it tries, in the words of the trait's contract.
    pub promise: &'static str,
    /// What goes wrong for users where the promise is broken.
    pub matters: &'static str,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a run of the suite.
///
/// ```
/// # use agent_pool_core::{conformance::{self, Outcome}, doctest::{AtNothing, run}};
/// # let report = run(conformance::tool(&AtNothing));
/// // `report.assert()` prints this table, and panics where a promise is broken.
/// assert!(report.to_string().starts_with("conformance of acme"));
/// // What a harness cannot do is no failure, and is told.
/// let one = report.rows().iter().find(|row| matches!(row.outcome, Outcome::NotApplicable(_)));
/// assert!(one.unwrap().to_string().contains("not applicable: "));
/// assert!(report.failed().all(|row| row.case != one.unwrap().case));
/// ```
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
    fn what_is_not_applicable_does_not() {
        report(Outcome::NotApplicable(String::new())).assert();
    }
}
