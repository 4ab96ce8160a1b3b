//! Path segments as clients meant them.

use std::str::FromStr;

use percent_encoding::percent_decode_str;

/// A path segment without its `%`-escapes, which warp leaves in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decoded<T>(pub(crate) T);

/// A segment that is nothing of the wanted kind: its path is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoSuchSegment;

impl<T: FromStr> FromStr for Decoded<T> {
    type Err = NoSuchSegment;

    fn from_str(segment: &str) -> Result<Self, NoSuchSegment> {
        let text = percent_decode_str(segment).decode_utf8();
        let text = text.map_err(|_| NoSuchSegment)?;
        text.parse().map(Self).map_err(|_| NoSuchSegment)
    }
}

#[cfg(test)]
mod tests {
    use agent_pool_core::ResourceId;

    use super::*;

    #[test]
    fn a_mailbox_is_found_with_and_without_escapes() {
        for segment in ["a%40b.example", "a@b.example"] {
            let decoded: Decoded<ResourceId> = segment.parse().unwrap();
            assert_eq!(decoded.0.as_str(), "a@b.example");
        }
        for bad in ["a%2Fb", "%ff", ""] {
            assert!(bad.parse::<Decoded<ResourceId>>().is_err(), "{bad}");
        }
    }
}
