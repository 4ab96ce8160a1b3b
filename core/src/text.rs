//! Foreign text made safe: what vendors and runtimes write ends up in logs, terminals, pages and databases.

use std::borrow::Cow;

/// The text with at most `max_chars` characters, in which every control character and every character that
/// changes the direction of writing is replaced. So it is one line, forges no other, and fits a database.
///
/// ```
/// use agent_pool_core::printable;
///
/// assert_eq!(printable("fine", 10), "fine");
/// assert_eq!(printable("down\0\ninvite: \u{1b}[31mhttp", 100), "down��invite: �[31mhttp");
/// assert_eq!(printable("abc", 2), "ab…");
/// ```
#[must_use]
pub fn printable(text: &str, max_chars: usize) -> Cow<'_, str> {
    let end = text.char_indices().nth(max_chars).map(|(end, _)| end);
    let kept = &text[..end.unwrap_or(text.len())];
    if end.is_none() && !kept.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = kept.replace(is_unsafe, "\u{fffd}");
    if end.is_some() {
        safe.push('…');
    }
    Cow::Owned(safe)
}

/// A control character, a line separator, or a mark that reorders what stands beside it.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_safe_is_not_copied() {
        assert!(matches!(printable("naïve 日本", 8), Cow::Borrowed(_)));
    }

    #[test]
    fn marks_that_reorder_text_are_replaced() {
        for mark in ['\u{202e}', '\u{2066}', '\u{2029}', '\u{85}', '\u{7f}'] {
            assert_eq!(
                printable(&format!("a{mark}b"), 10),
                "a\u{fffd}b",
                "{mark:?}"
            );
        }
    }
}
