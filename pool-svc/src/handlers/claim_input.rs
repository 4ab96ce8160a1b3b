//! The header, query and body of a claim.

use agent_pool_core::wire::pool::ClaimRequest;
use agent_pool_service_kit::body::{json_or_default, query};
use agent_pool_service_kit::problem::reject;
use schemars::JsonSchema;
use serde::Deserialize;
use warp::http::HeaderMap;
use warp::{Filter, Rejection};

use crate::claim::input::{IdempotencyKey, Wait};
use crate::claim::{ClaimError, ClaimInput};
use crate::lists::JoinUrlSchemes;
use crate::problem::bad_idempotency_key;

const HEADER: &str = "idempotency-key";

/// The query of a claim.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub(crate) struct ClaimQuery {
    /// How many seconds to wait if no instance is idle; not at all if absent.
    #[serde(default)]
    wait: Wait,
}

/// A claim as it was sent.
pub(crate) fn claim_input(
    schemes: JoinUrlSchemes,
) -> impl Filter<Extract = (ClaimInput,), Error = Rejection> + Clone + Send + Sync + 'static {
    idempotency_key()
        .and(query::<ClaimQuery>())
        .and(json_or_default::<ClaimRequest>())
        .map(|key, ClaimQuery { wait }, request| ClaimInput { request, key, wait })
        .and_then(move |input: ClaimInput| {
            // A claim checks it again. Here a stream is answered with a status, not with an event.
            let link = input.request.join_url.as_ref();
            let checked = link.map_or(Ok(()), |link| schemes.check(link));
            let unusable = |problem| reject(ClaimError::UnusableLink(problem).into());
            std::future::ready(checked.map(|()| input).map_err(unusable))
        })
}

/// The header `Idempotency-Key` if there is one; 400 `invalid_idempotency_key` if it is malformed.
fn idempotency_key()
-> impl Filter<Extract = (Option<IdempotencyKey>,), Error = Rejection> + Clone + Send + Sync + 'static
{
    warp::header::headers_cloned().and_then(|headers: HeaderMap| async move {
        parse_key(&headers).map_err(|problem| reject(bad_idempotency_key(&problem)))
    })
}

fn parse_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, String> {
    let mut values = headers.get_all(HEADER).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err("is present more than once".to_owned());
    }
    // A header that is not ASCII is treated like an empty key, which is invalid too.
    let text = first.map(|value| value.to_str().unwrap_or_default().to_owned());
    text.map(IdempotencyKey::try_from).transpose()
}

#[cfg(test)]
mod tests {
    use warp::http::HeaderValue;

    use super::*;

    fn parse(values: &[&[u8]]) -> Result<Option<IdempotencyKey>, String> {
        let value = |bytes: &&[u8]| {
            (
                HEADER.parse().unwrap(),
                HeaderValue::from_bytes(bytes).unwrap(),
            )
        };
        parse_key(&values.iter().map(value).collect())
    }

    #[test]
    fn a_key_is_1_to_255_visible_ascii_characters_given_once() {
        assert_eq!(parse(&[]), Ok(None));
        for good in ["k", "8e03978e-40d5-43dd", "\"quoted\"", &"~".repeat(255)] {
            assert_eq!(parse(&[good.as_bytes()]).unwrap().unwrap().as_str(), good);
        }
        for bad in ["", " ", "a b", "a\tb", "clé", &"x".repeat(256)] {
            assert!(parse(&[bad.as_bytes()]).is_err(), "{bad:?}");
        }
        assert!(parse(&[b"a", b"a"]).unwrap_err().contains("more than once"));
    }
}
