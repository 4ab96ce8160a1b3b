//! Styled texts: few colours, each with one meaning.

use agent_pool_core::safe_line;
use agent_pool_core::wire::pool::Status;
use comfy_table::{Cell, Color};
use console::{Style, style};

/// Maximum characters shown of a foreign text.
const MOST_CHARS: usize = 1_000;

/// Text by vendors, runtimes or people, as one line without control characters: it cannot forge another line, such as a
/// second invite link.
pub(crate) fn plain(text: impl ToString) -> String {
    safe_line(&text.to_string(), MOST_CHARS).into_owned()
}

/// A cell of a table with such a text.
pub(crate) fn cell(text: impl ToString) -> Cell {
    Cell::new(plain(text))
}

/// Success.
pub(crate) fn good(text: &str) -> String {
    style(text).green().to_string()
}

/// Warning.
pub(crate) fn warning(text: &str) -> String {
    style(text).yellow().to_string()
}

/// Failure.
pub(crate) fn bad(text: &str) -> String {
    style(text).red().to_string()
}

/// Emphasis.
pub(crate) fn strong(text: &str) -> String {
    style(text).bold().to_string()
}

/// Secondary text.
pub(crate) fn dim(text: &str) -> String {
    style(text).dim().to_string()
}

/// A status in its colour, in a table.
pub(crate) fn status_word(status: Status) -> Cell {
    Cell::new(status.as_str()).fg(match status {
        Status::Idle => Color::DarkGreen,
        Status::Claimed => Color::DarkCyan,
        Status::Starting | Status::Claiming => Color::DarkYellow,
        Status::Crashed => Color::DarkRed,
        Status::Destroying => Color::DarkGrey,
    })
}

/// The same colour, in a text.
pub(crate) fn colour_of(status: Status) -> Style {
    match status {
        Status::Idle => Style::new().green(),
        Status::Claimed => Style::new().cyan(),
        Status::Starting | Status::Claiming => Style::new().yellow(),
        Status::Crashed => Style::new().red(),
        Status::Destroying => Style::new().dim(),
    }
}

/// `1 instance`, `2 instances`.
pub(crate) fn count_of(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// `a, b and c`.
pub(crate) fn list_of<T: ToString>(things: &[T]) -> String {
    let names: Vec<String> = things.iter().map(ToString::to_string).collect();
    match names.as_slice() {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_text_forges_no_line_and_acts_on_no_terminal() {
        let text = plain("out of credit\n  invite    https://evil.example \u{1b}[2J\u{202e}");
        assert!(text.starts_with("out of credit   invite"), "{text}");
        assert!(!text.contains(['\n', '\u{1b}', '\u{202e}']), "{text:?}");
    }

    #[test]
    fn numbers_and_lists_read_well() {
        assert_eq!(count_of(1, "orphan"), "1 orphan");
        assert_eq!(count_of(0, "orphan"), "0 orphans");
        assert_eq!(list_of(&["a", "b", "c"]), "a, b and c");
    }
}
