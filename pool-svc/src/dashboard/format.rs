//! Formatting of values on pages.

use agent_pool_core::wire::pool::Status;
use agent_pool_service_kit::elapsed::in_largest_unit;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

/// A status as a coloured word.
pub(super) fn status(status: Status) -> Markup {
    html! { span class={ "status " (status.as_str()) } { (status.as_str()) } }
}

/// `5 min ago`.
pub(super) fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    time(at, &format!("{} ago", in_largest_unit(now - at)))
}

/// The time since `at`: `5 min`.
pub(super) fn age(at: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    time(at, &in_largest_unit(now - at))
}

/// `words` with the full time as a tooltip.
fn time(at: DateTime<Utc>, words: &str) -> Markup {
    let full = at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    html! { time datetime=(at.to_rfc3339()) title=(full) { (words) } }
}

/// A URL or the name of an event, with the places where a narrow column may break it.
pub(super) fn breakable(text: &str) -> Markup {
    html! { @for part in text.split_inclusive(['/', '.', '_']) { (part) wbr; } }
}

/// `640 ms`, `14.8 s`.
pub(super) fn millis(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        _ => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
    }
}

/// `1 instance`, `2 instances`.
pub(super) fn instances(number: u32) -> String {
    match number {
        1 => "1 instance".to_owned(),
        _ => format!("{} instances", thousands(number)),
    }
}

/// `10,000`.
pub(super) fn thousands(number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_calls_are_in_the_unit_that_suits_them() {
        for (number, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1.0 s"),
            (14_850, "14.8 s"),
        ] {
            assert_eq!(millis(number), text);
        }
    }

    #[test]
    fn numbers_have_their_thousands_apart() {
        for (number, text) in [
            (0_u32, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(thousands(number), text);
        }
        assert_eq!(instances(1), "1 instance");
    }
}
