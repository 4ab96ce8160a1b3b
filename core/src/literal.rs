//! Values that an infra would evaluate, such as `${{shared.KEY}}` on Railway, and how they reach an instance
//! as they were given.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// How an escaped value begins.
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

/// The value of an environment variable as it was given, escaped or not.
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
