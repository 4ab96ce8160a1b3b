//! The budget of a pool and how much of it is spent.

use std::fmt;

use agent_pool_core::wire::pool::{Budget, BudgetPeriod, dollars};
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, Utc};

use crate::db::cost_sums::Spending;

/// A budget and the amount spent in its current period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BudgetUse {
    pub(crate) budget: Budget,
    /// In millionths of a US dollar.
    pub(crate) spent: u64,
    /// When the next period begins.
    pub(crate) renews_at: DateTime<Utc>,
}

impl BudgetUse {
    pub(crate) fn new(budget: Budget, spending: Spending) -> Self {
        Self {
            budget,
            spent: spending.in_period(budget.period),
            renews_at: end_of(budget.period, Utc::now()),
        }
    }

    /// Whether the budget is used up.
    pub(crate) const fn is_reached(self) -> bool {
        self.spent >= self.budget.micros
    }
}

impl fmt::Display for BudgetUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            budget,
            spent,
            renews_at,
        } = self;
        let renews_at = renews_at.format("%FT%TZ");
        write!(
            f,
            "{} of its budget of {budget} is spent; the next period begins at {renews_at}",
            dollars(*spent)
        )
    }
}

/// The end of the period that contains `now`.
fn end_of(period: BudgetPeriod, now: DateTime<Utc>) -> DateTime<Utc> {
    let today = now.date_naive();
    let first = NaiveDate::from_ymd_opt(today.year(), today.month(), 1);
    let next = match period {
        BudgetPeriod::Day => today.checked_add_days(Days::new(1)),
        BudgetPeriod::Month => first.and_then(|first| first.checked_add_months(Months::new(1))),
    };
    // There is a next day until the year 262142.
    next.map_or(now, |next| next.and_time(NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_renews_at_midnight_or_on_the_first_of_the_month() {
        let at = |text: &str| -> DateTime<Utc> { text.parse().unwrap() };
        let now = at("2026-12-31T23:59:59Z");
        let next = at("2027-01-01T00:00:00Z");
        assert_eq!(end_of(BudgetPeriod::Day, now), next);
        assert_eq!(
            end_of(BudgetPeriod::Month, at("2026-12-01T00:00:00Z")),
            next
        );
    }

    #[test]
    fn a_budget_that_is_reached_says_so() {
        let used = BudgetUse {
            budget: "$20/day".parse().unwrap(),
            spent: 20_030_000,
            renews_at: "2026-11-30T00:00:00Z".parse().unwrap(),
        };
        assert!(used.is_reached());
        let expected = "$20.03 of its budget of $20/day is spent; the next period begins at 2026-11-30T00:00:00Z";
        assert_eq!(used.to_string(), expected);
    }
}
