//! Escapes values that an infra would evaluate, such as `${{shared.KEY}}` on Railway, so that they reach an instance
//! unchanged.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The prefix of an escaped value.
const ESCAPED: &str = "agent-pool-escaped:";

/// `value` without a `$`, for an infra that evaluates what follows one. An instance reads it with
/// [`unescape_value`].
///
/// ```
/// use agent_pool_core::{escape_value, unescape_value};
///
/// let escaped = escape_value("50% of ${{shared.KEY}}");
/// assert_eq!(escaped, "agent-pool-escaped:50%25 of %24{{shared.KEY}}");
/// assert_eq!(unescape_value(&escaped), "50% of ${{shared.KEY}}");
/// ```
#[must_use]
pub fn escape_value(value: &str) -> String {
    format!("{ESCAPED}{}", value.replace('%', "%25").replace('$', "%24"))
}

/// The original value of an environment variable, escaped or not.
#[must_use]
pub fn unescape_value(text: &str) -> Cow<'_, str> {
    match text.strip_prefix(ESCAPED) {
        Some(escaped) => percent_decode_str(escaped).decode_utf8_lossy(),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_and_none_has_a_dollar_on_the_way() {
        for value in ["", "$", "%24", "${{a}} %", "é 🌷\n\"'", ESCAPED] {
            let escaped = escape_value(value);
            assert!(!escaped.contains('$'), "{escaped}");
            assert_eq!(unescape_value(&escaped), value);
        }
        assert_eq!(unescape_value("plain %24"), "plain %24");
    }
}
