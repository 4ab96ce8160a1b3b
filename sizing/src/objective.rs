//! The objective of a pool.

use std::str::FromStr as _;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;

/// The objective of a pool: the share of claims that must find an idle instance, and bounds of the target.
#[derive(Debug, Clone)]
pub struct Objective {
    /// The share of claims that must find an idle instance.
    pub hit_rate: f64,
    /// Minimum target.
    pub min: u32,
    /// Maximum target.
    pub max: u32,
    /// Maximum increase from one decision to the next.
    pub step_up: Option<u32>,
    /// Maximum decrease from one decision to the next.
    pub step_down: Option<u32>,
    /// Times with a higher minimum.
    pub floors: Vec<Floor>,
    /// The time zone of hours and weekdays.
    pub zone: Tz,
}

/// A value of an objective is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectiveError {
    /// The share is outside the allowed range.
    #[error("the hit rate must be at least 50% and below 100%")]
    HitRate,
    /// The minimum is above the maximum.
    #[error("min is {min}, which is more than max, {max}")]
    Bounds {
        /// The minimum.
        min: u32,
        /// The maximum.
        max: u32,
    },
    /// A step of 0 would never change the target.
    #[error("a step must be at least 1")]
    Step,
    /// Not a name of the IANA database.
    #[error("{0:?} is not a time zone: expected a name such as Europe/Berlin")]
    Zone(String),
    /// A floor of 0 minutes would never be in effect.
    #[error("a floor lasts 0 minutes: expected 1 or more")]
    FloorMinutes,
    /// The cron expression of a floor cannot be parsed.
    #[error("{pattern:?} is not a cron expression: {problem}")]
    Cron {
        /// The expression.
        pattern: String,
        /// The error.
        problem: String,
    },
}

impl Objective {
    /// An objective with these bounds, without steps and floors.
    ///
    /// # Errors
    /// The hit rate or the bounds are invalid.
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
    /// There is no such time zone.
    pub fn parse_zone(name: &str) -> Result<Tz, ObjectiveError> {
        name.parse()
            .map_err(|_| ObjectiveError::Zone(name.to_owned()))
    }

    /// The highest floor in effect at this time; 0 if there is none.
    #[must_use]
    pub fn floor_at(&self, now: DateTime<Utc>) -> u32 {
        let active = self.floors.iter().filter(|floor| floor.holds_at(now));
        active.map(|floor| floor.at_least).max().unwrap_or_default()
    }
}

/// A period with a higher minimum: from each time of a cron expression, for some minutes.
#[derive(Debug, Clone)]
pub struct Floor {
    cron: Cron,
    zone: Tz,
    lasts: TimeDelta,
    at_least: u32,
}

impl Floor {
    /// A floor of `min` from each time of `pattern`, in `zone`, for this many minutes.
    ///
    /// ```
    /// use agent_pool_sizing::Floor;
    /// // Office hours in Berlin.
    /// assert!(Floor::new("0 9 * * MON-FRI", "Europe/Berlin", 9 * 60, 20).is_ok());
    /// assert!(Floor::new("every day", "Europe/Berlin", 60, 20).is_err());
    /// ```
    ///
    /// # Errors
    /// The expression or the zone cannot be parsed, or it would last 0 minutes.
    pub fn new(
        pattern: &str,
        zone: &str,
        minutes: u32,
        at_least: u32,
    ) -> Result<Self, ObjectiveError> {
        if minutes == 0 {
            return Err(ObjectiveError::FloorMinutes);
        }
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
        // An expression without a time before now, such as one for a later year, is not in effect yet.
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
    fn a_floor_lasts_its_minutes_on_the_days_when_clocks_change() {
        let mut objective = Objective::new(0.99, 0, 50).unwrap();
        let night = Floor::new("30 2 * * *", "Europe/Berlin", 60, 5).unwrap();
        objective.floors = vec![night];
        for (time, floor) in [
            ("2027-03-27T01:29:59Z", 0), // 2:29 in winter
            ("2027-03-27T01:30:00Z", 5),
            ("2027-03-27T02:30:00Z", 0),
            ("2027-03-28T00:59:59Z", 0), // there is no 2:30: it is 3:00 after 1:59
            ("2027-03-28T01:30:00Z", 5),
            ("2027-03-28T02:30:00Z", 0),
            ("2027-10-31T00:29:59Z", 0), // 2:29 in summer, 2:30 comes twice
            ("2027-10-31T00:30:00Z", 5),
            ("2027-10-31T01:29:59Z", 5),
            ("2027-10-31T02:30:00Z", 0),
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
        assert_eq!(
            Floor::new("* * * * *", "UTC", 0, 1).unwrap_err(),
            ObjectiveError::FloorMinutes
        );
    }
}
