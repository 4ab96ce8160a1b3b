//! The schedule of retries.

use std::time::Duration;

/// The pauses after each failed attempt: short at first, then over three days.
const PAUSES: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
    Duration::from_hours(20),
    Duration::from_hours(24),
];

/// The pause after this many attempts, the last of which failed; `None` to give up. `share`, from 0 to 1, is jitter for
/// messages that failed at the same moment.
pub(super) fn pause_after(attempts: u32, share: f64) -> Option<Duration> {
    let index = usize::try_from(attempts).ok()?.checked_sub(1)?;
    let pause = PAUSES.get(index)?;
    Some(pause.mul_f64(1.0 + share.clamp(0.0, 1.0) / 10.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_sent_again_over_days_and_then_given_up() {
        let pauses: Vec<_> = (1..)
            .map_while(|attempts| pause_after(attempts, 0.0))
            .collect();
        assert!(pauses.is_sorted());
        assert!(pauses.iter().sum::<Duration>() >= Duration::from_hours(72));
        assert_eq!(pauses[0], Duration::from_secs(5));
        assert!(pause_after(1, 1.0).unwrap() > pauses[0], "spread out");
        assert_eq!(pause_after(10, 0.0), None);
        assert_eq!(pause_after(0, 0.0), None);
    }
}
