//! What a pool is sized for.

use std::str::FromStr as _;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;

/// What a pool is sized for: the share of claims that are to find an idle instance, and its bounds.
#[derive(Debug, Clone)]
pub struct Objective {
    /// The share of claims that are to find an idle instance.
    pub hit_rate: f64,
    /// The fewest.
    pub min: u32,
    /// The most.
    pub max: u32,
    /// The most that a decision may be above the one before.
    pub step_up: Option<u32>,
    /// The most that a decision may be below the one before.
    pub step_down: Option<u32>,
    /// Times at which the minimum is higher.
    pub floors: Vec<Floor>,
    /// Whose hours and weekdays count.
    pub zone: Tz,
}

/// A value of an objective is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectiveError {
    /// The share is not one that can be promised.
    #[error("the hit rate must be at least 50% and below 100%")]
    HitRate,
    /// The bounds exclude each other.
    #[error("min is {min}, which is more than max, {max}")]
    Bounds {
        /// The minimum.
        min: u32,
        /// The maximum.
        max: u32,
    },
    /// A step of 0 would keep the target where it is for ever.
    #[error("a step must be at least 1")]
    Step,
    /// Not a name of the IANA database.
    #[error("{0:?} is no time zone: expected a name such as Europe/Berlin")]
    Zone(String),
    /// The times of a floor cannot be read.
    #[error("{pattern:?} is no cron expression: {problem}")]
    Cron {
        /// The expression.
        pattern: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl Objective {
    /// An objective with these bounds, without steps and floors.
    ///
    /// # Errors
    /// The hit rate or the bounds are wrong.
    pub fn new(hit_rate: f64, min: u32, max: u32) -> Result<Self, ObjectiveError> {
        if !(0.5..1.0).contains(&hit_rate) {
            return Err(ObjectiveError::HitRate);
        }
        if min > max {
            return Err(ObjectiveError::Bounds { min, max });
        }
        Ok(Self {
            hit_rate,
            min,
            max,
            step_up: None,
            step_down: None,
            floors: Vec::new(),
            zone: Tz::UTC,
        })
    }

    /// A time zone by its name.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn parse_zone(name: &str) -> Result<Tz, ObjectiveError> {
        name.parse()
            .map_err(|_| ObjectiveError::Zone(name.to_owned()))
    }

    /// The highest floor that holds at this time; 0 if none does.
    #[must_use]
    pub fn floor_at(&self, now: DateTime<Utc>) -> u32 {
        let active = self.floors.iter().filter(|floor| floor.holds_at(now));
        active.map(|floor| floor.at_least).max().unwrap_or_default()
    }
}

/// A time at which the minimum is higher: from each time of a cron expression, for some minutes.
#[derive(Debug, Clone)]
pub struct Floor {
    cron: Cron,
    zone: Tz,
    lasts: TimeDelta,
    at_least: u32,
}

impl Floor {
    /// A floor from each time of `pattern`, in `zone`, for this many minutes.
    ///
    /// ```
    /// use agent_pool_sizing::Floor;
    /// // Office hours in Berlin.
    /// assert!(Floor::new("0 9 * * MON-FRI", "Europe/Berlin", 9 * 60, 20).is_ok());
    /// assert!(Floor::new("every day", "Europe/Berlin", 60, 20).is_err());
    /// ```
    ///
    /// # Errors
    /// The expression or the zone cannot be read.
    pub fn new(
        pattern: &str,
        zone: &str,
        minutes: u32,
        at_least: u32,
    ) -> Result<Self, ObjectiveError> {
        let cron = Cron::from_str(pattern).map_err(|error| ObjectiveError::Cron {
            pattern: pattern.to_owned(),
            problem: error.to_string(),
        })?;
        Ok(Self {
            cron,
            zone: Objective::parse_zone(zone)?,
            lasts: TimeDelta::minutes(minutes.into()),
            at_least,
        })
    }

    fn holds_at(&self, now: DateTime<Utc>) -> bool {
        let local = now.with_timezone(&self.zone);
        // An expression without a time before now, such as one of a later year, does not hold yet.
        let began = self.cron.find_previous_occurrence(&local, true).ok();
        began.is_some_and(|began| local.signed_duration_since(began) < self.lasts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_floor_holds_at_its_hours_of_its_zone_also_when_clocks_change() {
        let mut objective = Objective::new(0.99, 0, 50).unwrap();
        let office = Floor::new("0 9 * * MON-FRI", "Europe/Berlin", 540, 20).unwrap();
        let lunch = Floor::new("0 12 * * *", "Europe/Berlin", 60, 30).unwrap();
        objective.floors = vec![office, lunch];
        for (time, floor) in [
            ("2026-07-06T06:59:59Z", 0), // Monday, 8:59 in summer
            ("2026-07-06T07:00:00Z", 20),
            ("2026-07-06T10:30:00Z", 30), // the higher of both
            ("2026-07-06T16:00:00Z", 0),
            ("2026-12-07T07:30:00Z", 0), // Monday, 8:30 in winter
            ("2026-12-07T08:00:00Z", 20),
            ("2026-07-05T08:00:00Z", 0), // Sunday
        ] {
            assert_eq!(objective.floor_at(at(time)), floor, "{time}");
        }
    }

    #[test]
    fn impossible_objectives_are_refused() {
        assert_eq!(
            Objective::new(1.0, 0, 1).unwrap_err(),
            ObjectiveError::HitRate
        );
        assert_eq!(
            Objective::new(f64::NAN, 0, 1).unwrap_err(),
            ObjectiveError::HitRate
        );
        assert!(matches!(
            Objective::new(0.9, 2, 1),
            Err(ObjectiveError::Bounds { .. })
        ));
        assert!(matches!(
            Floor::new("* * * * *", "Mars/Base", 1, 1),
            Err(ObjectiveError::Zone(_))
        ));
    }
}
