//! Path segments, percent-decoded.

use std::fmt::Display;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

/// A parsed path segment. Warp leaves its `%`-escapes in place; this type decodes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathSegment<T>(pub(crate) T);

impl<T: FromStr<Err: Display>> FromStr for PathSegment<T> {
    type Err = String;

    fn from_str(segment: &str) -> Result<Self, String> {
        let text = percent_decode_str(segment).decode_utf8();
        let text = text.map_err(|error| error.to_string())?;
        let value = text.parse().map_err(|error: T::Err| error.to_string())?;
        Ok(Self(value))
    }
}

#[cfg(test)]
mod tests {
    use agent_pool_core::ResourceId;

    use super::*;

    #[test]
    fn a_mailbox_is_found_with_and_without_escapes() {
        for segment in ["a%40b.example", "a@b.example"] {
            let decoded: PathSegment<ResourceId> = segment.parse().unwrap();
            assert_eq!(decoded.0.as_str(), "a@b.example");
        }
        for bad in ["a%2Fb", "%ff", ""] {
            assert!(bad.parse::<PathSegment<ResourceId>>().is_err(), "{bad}");
        }
    }
}
