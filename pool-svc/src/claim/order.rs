//! What a claim is asked for: its body, the key that makes it safe to repeat, and how long it may wait.

use std::fmt;
use std::time::Duration;

use agent_pool_core::wire::pool::ClaimRequest;
use agent_pool_service_kit::body::{json_or_default, query};
use agent_pool_service_kit::problem::reject;
use serde::Deserialize;
use warp::http::{HeaderMap, HeaderValue};
use warp::{Filter, Rejection};

use crate::problem::bad_idempotency_key;

/// A claim as it was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) request: ClaimRequest,
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) wait: Wait,
}

const HEADER: &str = "idempotency-key";

/// A client's word for one claim: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdempotencyKey(String);

impl IdempotencyKey {
    const MAX_CHARS: usize = 255;

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn read(headers: &HeaderMap) -> Result<Option<Self>, String> {
        let mut values = headers.get_all(HEADER).iter();
        let first = values.next();
        if values.next().is_some() {
            return Err("is given more than once".to_owned());
        }
        first.map(Self::try_from).transpose()
    }
}

impl TryFrom<&HeaderValue> for IdempotencyKey {
    type Error = String;

    fn try_from(value: &HeaderValue) -> Result<Self, String> {
        Self::try_from(value.to_str().unwrap_or_default().to_owned())
    }
}

impl TryFrom<String> for IdempotencyKey {
    type Error = String;

    fn try_from(key: String) -> Result<Self, String> {
        let sized = (1..=Self::MAX_CHARS).contains(&key.len());
        if sized && key.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(key))
        } else {
            let most = Self::MAX_CHARS;
            Err(format!("expected 1 to {most} visible ASCII characters"))
        }
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The header `Idempotency-Key`, where there is one; 400 `invalid_idempotency_key` where it is no key.
fn idempotency_key()
-> impl Filter<Extract = (Option<IdempotencyKey>,), Error = Rejection> + Clone + Send + Sync + 'static
{
    warp::header::headers_cloned().and_then(|headers: HeaderMap| async move {
        IdempotencyKey::read(&headers).map_err(|problem| reject(bad_idempotency_key(&problem)))
    })
}

/// A claim with its header, query and body.
pub(crate) fn order()
-> impl Filter<Extract = (Order,), Error = Rejection> + Clone + Send + Sync + 'static {
    idempotency_key()
        .and(query::<Query>())
        .and(json_or_default::<ClaimRequest>())
        .map(|key, Query { wait }, request| Order { request, key, wait })
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Query {
    /// Absent: not at all.
    #[serde(default)]
    wait: Wait,
}

/// How long a claim may wait: 0 to 300 seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub(crate) struct Wait(Duration);

impl Wait {
    const MAX_SECONDS: u64 = 300;

    pub(crate) const fn duration(self) -> Duration {
        self.0
    }
}

impl TryFrom<u64> for Wait {
    type Error = String;

    fn try_from(seconds: u64) -> Result<Self, String> {
        if seconds > Self::MAX_SECONDS {
            return Err(format!("expected 0 to {} seconds", Self::MAX_SECONDS));
        }
        Ok(Self(Duration::from_secs(seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&[u8]]) -> Result<Option<IdempotencyKey>, String> {
        let value = |bytes: &&[u8]| {
            (
                HEADER.parse().unwrap(),
                HeaderValue::from_bytes(bytes).unwrap(),
            )
        };
        IdempotencyKey::read(&values.iter().map(value).collect())
    }

    #[test]
    fn a_key_is_1_to_255_visible_ascii_characters_given_once() {
        assert_eq!(read(&[]), Ok(None));
        for good in ["k", "8e03978e-40d5-43dd", "\"quoted\"", &"~".repeat(255)] {
            assert_eq!(read(&[good.as_bytes()]).unwrap().unwrap().as_str(), good);
        }
        for bad in ["", " ", "a b", "a\tb", "clé", &"x".repeat(256)] {
            assert!(read(&[bad.as_bytes()]).is_err(), "{bad:?}");
        }
        assert!(read(&[b"a", b"a"]).unwrap_err().contains("more than once"));
    }
}
