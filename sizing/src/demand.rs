//! The expected demand: the average of this hour of the week, mixed with the last minutes.

use std::time::Duration;

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};
use chrono_tz::Tz;

/// How far back the profile reaches.
pub const HISTORY: Duration = Duration::from_hours(28 * 24);
/// The last minutes that count as recent.
pub const RECENT: Duration = Duration::from_mins(15);
/// The weight of the profile, in minutes of claims.
pub const PROFILE_WEIGHT: Duration = Duration::from_mins(30);

/// The weight of the mean over all hours, in hours, so that one quiet hour does not mean no demand.
const SMOOTHING_HOURS: f64 = 1.0;
/// Maximum dispersion, to limit the effect of a single burst.
const MOST_DISPERSION: f64 = 20.0;
const HOURS_OF_WEEK: usize = 7 * 24;
const HOUR_SECONDS: i64 = 3_600;

/// Claims by hour of the week.
#[derive(Debug, Clone)]
pub struct Profile {
    zone: Tz,
    /// Claims per second, by hour of the week.
    rates: Vec<f64>,
}

/// The measured and the resulting demand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand {
    /// Claims per second according to the profile.
    pub profile: f64,
    /// Claims in the last minutes.
    pub recent: u32,
    /// Both, mixed.
    pub rate: f64,
}

impl Profile {
    /// The profile of the claims in each of the consecutive hours that begin with `first`, in hours since 1970.
    #[must_use]
    pub fn of_hours(zone: Tz, first: i64, claims: &[u32]) -> Self {
        let mut sums = vec![0.0; HOURS_OF_WEEK];
        let mut hours = vec![0.0; HOURS_OF_WEEK];
        for (hour, count) in (first..).zip(claims) {
            let index = DateTime::from_timestamp(hour * HOUR_SECONDS, 0)
                .map_or(0, |at| hour_of_week(zone, at));
            sums[index] += f64::from(*count);
            hours[index] += 1.0;
        }
        let (all, seen): (f64, f64) = (sums.iter().sum(), hours.iter().sum());
        let mean = if seen > 0.0 { all / seen } else { 0.0 };
        let rates = sums.iter().zip(&hours).map(|(sum, hours)| {
            (sum + mean * SMOOTHING_HOURS) / (hours + SMOOTHING_HOURS) / 3_600.0
        });
        Self {
            zone,
            rates: rates.collect(),
        }
    }

    /// Claims per second at this time of the week.
    #[must_use]
    pub fn rate_at(&self, at: DateTime<Utc>) -> f64 {
        self.rates[hour_of_week(self.zone, at)]
    }

    /// The demand during a lead time: the busier of the hours at its beginning and end, so that the pool grows before a
    /// busy hour, mixed with the claims of the last minutes.
    #[must_use]
    pub fn demand(&self, now: DateTime<Utc>, lead: Duration, recent: u32) -> Demand {
        let profile = self.rate_at(now).max(self.rate_at(now + lead));
        Demand {
            profile,
            recent,
            rate: mixed_rate(profile, recent),
        }
    }
}

/// The profile mixed with the claims of the last minutes: a weighted mean with the weights [`PROFILE_WEIGHT`] and
/// [`RECENT`].
#[must_use]
pub fn mixed_rate(profile: f64, recent: u32) -> f64 {
    let weight = PROFILE_WEIGHT.as_secs_f64();
    (profile * weight + f64::from(recent)) / (weight + RECENT.as_secs_f64())
}

/// The dispersion of claims: the variance over the mean of the claims in windows of one lead time, relative to the
/// profile; 1 for a Poisson process. `windows` are those with claims: the start of each, in seconds since 1970, and the
/// number. `first` and `last` bound the examined time.
#[must_use]
pub fn dispersion(
    profile: &Profile,
    lead: Duration,
    windows: &[(i64, u32)],
    first: DateTime<Utc>,
    last: DateTime<Utc>,
) -> f64 {
    let lead = lead.as_secs_f64().max(1.0);
    let per_hour = 3_600.0 / lead;
    let (mut squares, mut means) = (0.0, 0.0);
    let mut hour = first;
    while hour < last {
        let expected = profile.rate_at(hour) * lead;
        squares += expected * expected * per_hour;
        means += expected * per_hour;
        hour += Duration::from_hours(1);
    }
    for (start, count) in windows {
        let at = DateTime::from_timestamp(*start, 0).unwrap_or(first);
        let expected = profile.rate_at(at) * lead;
        let count = f64::from(*count);
        squares += count * count - 2.0 * count * expected;
    }
    if means > 0.0 {
        (squares / means).clamp(1.0, MOST_DISPERSION)
    } else {
        1.0
    }
}

fn hour_of_week(zone: Tz, at: DateTime<Utc>) -> usize {
    let local = at.with_timezone(&zone);
    let hour = local.weekday().num_days_from_monday() * 24 + local.hour();
    // Both numbers are small.
    usize::try_from(hour).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Monday, midnight UTC, in hours since 1970.
    const MONDAY: i64 = 490_992;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp((MONDAY + hour) * 3_600, 0).unwrap()
    }

    #[test]
    fn the_profile_knows_hours_and_weekdays_of_its_zone() {
        assert_eq!(at(0).weekday(), chrono::Weekday::Mon);
        // 40 claims between 9 and 10 UTC on Mondays, for two weeks.
        let claims: Vec<u32> = (0..336)
            .map(|hour| if hour % 168 == 9 { 40 } else { 0 })
            .collect();
        let profile = Profile::of_hours(Tz::UTC, MONDAY, &claims);
        let busy = profile.rate_at(at(2 * 168 + 9)) * 3_600.0;
        assert!((25.0..40.0).contains(&busy), "{busy}");
        assert!(profile.rate_at(at(2 * 168 + 24 + 9)) < 0.001, "Tuesday");
        let berlin = Profile::of_hours(Tz::Europe__Berlin, MONDAY, &claims);
        assert!((berlin.rate_at(at(9)) - profile.rate_at(at(9))).abs() < 1e-9);
        let soon = profile.demand(at(8) + Duration::from_mins(59), Duration::from_mins(2), 0);
        assert!(
            soon.profile * 3_600.0 > 25.0,
            "it grows before the busy hour"
        );
    }

    #[test]
    fn without_a_log_only_the_last_minutes_count() {
        let none = Profile::of_hours(Tz::UTC, MONDAY, &[]);
        assert!(none.demand(at(0), Duration::from_secs(60), 0).rate.abs() < f64::EPSILON);
        assert!(none.demand(at(0), Duration::from_secs(60), 9).rate > 0.0);
    }

    #[test]
    fn claims_in_bursts_are_more_spread_out_than_single_ones() {
        let claims = vec![60; 336];
        let profile = Profile::of_hours(Tz::UTC, MONDAY, &claims);
        let minute = Duration::from_secs(60);
        let of = |windows: &[(i64, u32)]| dispersion(&profile, minute, windows, at(0), at(336));
        let even: Vec<_> = (0..336 * 60)
            .map(|n| (MONDAY * 3_600 + n * 60, 1))
            .collect();
        assert!(
            (of(&even) - 1.0).abs() < f64::EPSILON,
            "never below Poisson"
        );
        let bursts: Vec<_> = (0..336 * 6)
            .map(|n| (MONDAY * 3_600 + n * 600, 10))
            .collect();
        let spread = of(&bursts);
        assert!((8.0..10.0).contains(&spread), "{spread}");
    }
}
