//! Makes text from vendors, runtimes and people safe to log, display and store.
//!
//! A newline could forge a log line, an escape sequence could control a terminal, a bidirectional control could
//! reorder the displayed text, and a NUL cannot be stored.

use std::borrow::Cow;

/// `foreign` as one line of at most `max_chars` characters: line breaks and tabs become spaces, other control
/// characters and bidirectional controls become `U+FFFD`, and terminal escape sequences such as colours are dropped.
///
/// ```
/// use agent_pool_core::safe_line;
///
/// assert_eq!(safe_line("out of\ncredit", 80), "out of credit");
/// assert_eq!(safe_line("\u{1b}[31mred\u{1b}[0m\0", 80), "red\u{fffd}");
/// assert_eq!(safe_line("too long", 3), "too…");
/// ```
#[must_use]
pub fn safe_line(foreign: &str, max_chars: usize) -> Cow<'_, str> {
    safe(foreign, max_chars, |c| match c {
        '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some(' '),
        _ if is_unsafe(c) => Some(char::REPLACEMENT_CHARACTER),
        _ => None,
    })
}

/// `foreign` as text of any number of lines, at most `max_chars` characters long.
#[must_use]
pub fn safe_text(foreign: &str, max_chars: usize) -> Cow<'_, str> {
    safe(foreign, max_chars, |c| match c {
        '\n' | '\t' => None,
        _ if is_unsafe(c) => Some(char::REPLACEMENT_CHARACTER),
        _ => None,
    })
}

/// Whether `c` acts on a terminal or a log instead of being shown: a control character, a line or paragraph separator,
/// or a bidirectional control.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}'
        )
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn safe(
    foreign: &str,
    max_chars: usize,
    replacement: impl Fn(char) -> Option<char>,
) -> Cow<'_, str> {
    let end = foreign.char_indices().nth(max_chars).map(|(end, _)| end);
    let kept = &foreign[..end.unwrap_or(foreign.len())];
    let is_clean = kept.chars().all(|c| replacement(c).is_none());
    if is_clean && end.is_none() {
        return Cow::Borrowed(foreign);
    }
    let mut text = String::with_capacity(kept.len());
    let mut chars = kept.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' && chars.next_if_eq(&'[').is_some() {
            // A terminal escape sequence, such as a colour, is dropped completely: parameters, then one letter.
            while chars.next_if(|c| (' '..='?').contains(c)).is_some() {}
            chars.next_if(|c| ('@'..='~').contains(c));
        } else {
            text.push(replacement(c).unwrap_or(c));
        }
    }
    if end.is_some() {
        text.push('…');
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line_and_acts_on_nothing() {
        for (foreign, safe) in [
            ("plain ümläut 🌷 a\u{200d}b", "plain ümläut 🌷 a\u{200d}b"),
            ("a\r\n\tb", "a   b"),
            ("a\u{2028}b\u{85}c", "a b c"),
            ("\u{1b}]0;title\u{7}", "\u{fffd}]0;title\u{fffd}"),
            ("\u{1b}[1;31mred\u{1b}[0m \u{1b}[2Jx", "red x"),
            ("\u{1b}[12", ""),
            ("\u{1b}[é", "é"),
            ("\u{9b}31m", "\u{fffd}31m"),
            ("nul\0", "nul\u{fffd}"),
            ("\u{202e}exe.txt", "\u{fffd}exe.txt"),
            ("\u{2066}x\u{200f}", "\u{fffd}x\u{fffd}"),
        ] {
            assert_eq!(safe_line(foreign, 99), safe, "{foreign:?}");
            assert!(!safe.chars().any(is_unsafe));
        }
    }

    #[test]
    fn text_keeps_its_lines() {
        assert_eq!(safe_text("a\n\tb\r\0", 99), "a\n\tb\u{fffd}\u{fffd}");
    }

    #[test]
    fn the_length_is_in_characters() {
        assert_eq!(safe_line("äöü", 3), "äöü");
        assert_eq!(safe_line("äöüß", 3), "äöü…");
    }
}
