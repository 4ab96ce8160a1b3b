//! The time axis of the charts: a range divided into slices.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Deserialize;

use super::super::db::history::Period;

/// How far back a chart goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Range {
    Hour,
    #[default]
    Day,
    Week,
}

/// The ends of the slices, oldest first. All are round times except the last, which is now.
#[derive(Debug)]
pub(super) struct TimeAxis {
    slices: Vec<Slice>,
    /// The allowed distances between labels, in slices.
    steps: &'static [i64],
}

#[derive(Debug)]
struct Slice {
    /// The number of slices since 1970.
    number: i64,
    label: String,
    /// The label on the axis, which has no room for day and time.
    short: String,
}

impl Range {
    pub(super) const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    /// The length of a slice in seconds, and the number of slices.
    const fn slices(self) -> (i64, u16) {
        match self {
            Self::Hour => (60, 60),
            Self::Day => (15 * 60, 96),
            Self::Week => (2 * 60 * 60, 84),
        }
    }

    /// The last slice contains `now` and may end later.
    pub(super) fn period(self, now: DateTime<Utc>) -> Period {
        let (seconds, slices) = self.slices();
        Period {
            until: DateTime::from_timestamp_secs(self.last(now) * seconds).unwrap_or(now),
            span: Duration::from_secs(seconds.unsigned_abs() * u64::from(slices)),
            slices,
        }
    }

    /// The number of the slice that contains `now`.
    fn last(self, now: DateTime<Utc>) -> i64 {
        now.timestamp().div_euclid(self.slices().0) + 1
    }

    pub(super) fn axis(self, now: DateTime<Utc>) -> TimeAxis {
        let (seconds, slices) = self.slices();
        let last = self.last(now);
        let slice = |back: i64| {
            let number = last - back;
            let at = self.period(now).until - TimeDelta::seconds(back * seconds);
            let (words, short) = match self {
                _ if back == 0 => ("now", "now"),
                Self::Hour | Self::Day => ("%H:%M", "%H:%M"),
                Self::Week => ("%b %d %H:%M", "%b %d"),
            };
            Slice {
                number,
                label: at.format(words).to_string(),
                short: at.format(short).to_string(),
            }
        };
        TimeAxis {
            slices: (0..i64::from(slices)).rev().map(slice).collect(),
            steps: match self {
                Self::Hour => &[5, 10, 15, 20],
                Self::Day => &[4, 8, 16, 24],
                Self::Week => &[12, 24, 48],
            },
        }
    }
}

impl TimeAxis {
    /// A slice for each of these days.
    pub(super) fn of_days(since: NaiveDate, until: NaiveDate) -> Self {
        let slice = |day: NaiveDate| {
            let label = day.format("%b %d").to_string();
            Slice {
                number: (day - NaiveDate::default()).num_days(),
                short: label.clone(),
                label,
            }
        };
        let days = since.iter_days().take_while(|day| *day <= until);
        Self {
            slices: days.map(slice).collect(),
            steps: &[1, 2, 5, 10, 30, 60, 120],
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.slices.len()
    }

    pub(super) fn label(&self, slice: usize) -> &str {
        &self.slices[slice].label
    }

    /// The labels of the axis with their slices: now and about `most` round times.
    pub(super) fn ticks(&self, most: usize) -> Vec<(usize, &str)> {
        let fits = |step: &&i64| self.slices.len() <= most * usize::try_from(**step).unwrap_or(1);
        let step = self.steps.iter().find(fits).or(self.steps.last());
        let step = step.copied().unwrap_or(1);
        let last = self.slices.last();
        // The last label always shows. The one before it needs room: half a step beside "now", a step beside a date.
        let room = last.map_or(1, |slice| if slice.short.len() > 3 { 1 } else { 2 });
        let last = last.map_or(0, |slice| slice.number);
        let marked = |slice: &Slice| {
            let clear = room * (last - slice.number) >= step;
            slice.number == last || clear && slice.number % step == 0
        };
        let slices = self.slices.iter().enumerate();
        slices
            .filter(|(_, slice)| marked(slice))
            .map(|(index, slice)| (index, slice.short.as_str()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-25T09:31:07Z".parse().unwrap()
    }

    #[test]
    fn slices_end_at_round_times_and_the_last_one_now() {
        for (range, first, before_last, until) in [
            (Range::Hour, "08:33", "09:31", "2026-11-25T09:32:00Z"),
            (Range::Day, "10:00", "09:30", "2026-11-25T09:45:00Z"),
            (
                Range::Week,
                "Nov 18 12:00",
                "Nov 25 08:00",
                "2026-11-25T10:00:00Z",
            ),
        ] {
            let axis = range.axis(now());
            assert_eq!(axis.label(0), first);
            assert_eq!(axis.label(axis.len() - 2), before_last);
            assert_eq!(axis.label(axis.len() - 1), "now");
            let period = range.period(now());
            assert_eq!(period.until, until.parse::<DateTime<Utc>>().unwrap());
            assert_eq!(usize::from(period.slices), axis.len());
        }
    }

    #[test]
    fn an_axis_of_days_has_both_ends() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let axis = TimeAxis::of_days(day("2026-11-29"), day("2026-12-02"));
        assert_eq!(
            (axis.len(), axis.label(0), axis.label(3)),
            (4, "Nov 29", "Dec 02")
        );
    }

    #[test]
    fn an_axis_names_round_times_and_leaves_room_for_now() {
        let marks = |range: Range, most| {
            let axis = range.axis(now());
            let words: Vec<_> = axis
                .ticks(most)
                .into_iter()
                .map(|(_, words)| words.to_owned())
                .collect();
            words.join(" ")
        };
        assert_eq!(marks(Range::Day, 4), "12:00 18:00 00:00 06:00 now");
        assert_eq!(
            marks(Range::Week, 7),
            "Nov 19 Nov 20 Nov 21 Nov 22 Nov 23 Nov 24 Nov 25 now".replace("Nov 25 now", "now")
        );
        assert_eq!(marks(Range::Hour, 6), "08:40 08:50 09:00 09:10 09:20 now");
    }
}
