//! A bar that shows how much of `POOL_MAX_TOTAL` each status uses.

use agent_pool_core::wire::pool::{Counts, Status};
use maud::{Markup, html};

use crate::db::views;

/// The width of the bar in SVG units.
const WIDTH: f64 = 1000.0;

/// Hidden from screen readers: the counts above it say the same.
pub(super) fn bar(mut counts: Counts, most: u32) -> Markup {
    let numbers = Status::ALL.map(|status| (status, *views::count_mut(&mut counts, status)));
    let all: u32 = numbers.iter().map(|(_, number)| number).sum();
    let whole = f64::from(all.max(most).max(1));
    let mut from = 0.0;
    let mut part = |number: u32| {
        let width = WIDTH * f64::from(number) / whole;
        let part = (format!("{from:.1}"), format!("{width:.1}"));
        from += width;
        part
    };
    html! {
        svg .capacity viewBox={ "0 0 " (WIDTH) " 6" } preserveAspectRatio="none" aria-hidden="true" {
            @for (status, number) in numbers.into_iter().filter(|(_, number)| *number > 0) {
                @let (x, width) = part(number);
                rect class=(status.as_str()) x=(x) width=(width) height="6" {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_share_of_the_limit() {
        let counts = Counts {
            idle: 1,
            claimed: 2,
            ..Counts::default()
        };
        let bar = |most| bar(counts, most).into_string();
        let drawn = bar(4);
        assert!(
            drawn.contains("class=\"idle\" x=\"0.0\" width=\"250.0\""),
            "{drawn}"
        );
        assert!(
            drawn.contains("class=\"claimed\" x=\"250.0\" width=\"500.0\""),
            "{drawn}"
        );
        assert!(!drawn.contains("crashed"));
        assert!(
            bar(1).contains("width=\"333.3\""),
            "more instances than the limit fill the bar"
        );
    }
}
