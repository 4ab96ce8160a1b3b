//! The number of instances over time, counted back from the present.

use agent_pool_core::wire::pool::{Counts, Status};

use super::super::db::history::StatusChange;
use super::chart::Series;
use crate::db::views;

/// The number at the end of each slice.
pub(super) fn levels(mut now: Counts, changes: &[StatusChange], slices: usize) -> Vec<Series> {
    [Status::Idle, Status::Claimed, Status::Starting]
        .into_iter()
        .map(|status| {
            let mut level = i64::from(*views::count_mut(&mut now, status));
            let mut points = vec![None; slices];
            for (slice, point) in points.iter_mut().enumerate().rev() {
                // The log may not reach back to the creation of every instance.
                *point = Some(to_f64(level.max(0)));
                let here = changes
                    .iter()
                    .filter(|it| it.slice == slice && it.status == status);
                level -= here.map(|it| it.by).sum::<i64>();
            }
            Series {
                class: status.as_str(),
                name: status.as_str(),
                overall: points.last().copied().flatten(),
                points,
            }
        })
        .collect()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "there are fewer instances than 2^53"
)]
const fn to_f64(level: i64) -> f64 {
    level as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_is_that_after_its_slice() {
        let now = Counts {
            idle: 3,
            ..Counts::default()
        };
        let change = |slice, by| StatusChange {
            slice,
            status: Status::Idle,
            by,
        };
        let series = levels(now, &[change(1, 4), change(3, -2)], 4);
        assert_eq!(series[0].overall, Some(3.0), "the legend shows the present");
        let numbers: Vec<_> = series[0]
            .points
            .iter()
            .map(|point| point.unwrap())
            .collect();
        assert_eq!(numbers, [1.0, 5.0, 5.0, 3.0]);
        assert!(series[2].points.iter().all(|point| *point == Some(0.0)));
    }
}
