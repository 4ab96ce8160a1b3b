//! The bearer key that callers present.

use std::borrow::Cow;

use agent_pool_core::Secret;
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use warp::http::HeaderValue;
use warp::{Filter, Rejection};

use crate::problem::reject;

/// The keys that are accepted: one, or several while they are being rotated.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct ApiKeys {
    primary: Secret,
    older: Vec<Secret>,
}

/// There is no key in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a key, or several separated by commas")]
pub struct NoKeyError;

impl ApiKeys {
    /// The first key: the one for outgoing calls.
    #[must_use]
    pub const fn primary(&self) -> &Secret {
        &self.primary
    }

    /// Every key, the first one first.
    pub fn iter(&self) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.primary).chain(&self.older)
    }

    /// Whether `presented` is one of the keys. Takes the same time whichever it is.
    #[must_use]
    pub fn accepts(&self, presented: &str) -> bool {
        let presented = Secret::new(presented);
        self.older
            .iter()
            .fold(self.primary == presented, |found, key| {
                found | (*key == presented)
            })
    }
}

impl TryFrom<String> for ApiKeys {
    type Error = NoKeyError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut keys = text
            .split(',')
            .map(str::trim)
            .filter(|key| !key.is_empty())
            .map(Secret::new);
        Ok(Self {
            primary: keys.next().ok_or(NoKeyError)?,
            older: keys.collect(),
        })
    }
}

impl From<Secret> for ApiKeys {
    fn from(primary: Secret) -> Self {
        Self {
            primary,
            older: Vec::new(),
        }
    }
}

impl JsonSchema for ApiKeys {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Secret::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Secret::json_schema(generator)
    }
}

/// Lets a request pass that presents one of `keys`; any other is answered with 401 `unauthorized`.
///
/// It belongs after path and method: an unknown path is 404 to everybody.
pub fn require(
    keys: ApiKeys,
) -> impl Filter<Extract = (), Error = Rejection> + Clone + Send + Sync + 'static {
    warp::header::value("authorization")
        .map(Some)
        .or(warp::any().map(|| None))
        .unify()
        .and_then(move |header: Option<HeaderValue>| {
            let verdict = verify(&keys, header.as_ref()).map_err(reject);
            async { verdict }
        })
        .untuple_one()
}

fn verify(keys: &ApiKeys, header: Option<&HeaderValue>) -> Result<(), Problem> {
    let unauthorized = |detail| Err(Problem::new(ProblemCode::Unauthorized, detail));
    match header.map(|header| header.to_str().ok().and_then(bearer)) {
        None => unauthorized("no key: send the header Authorization: Bearer KEY"),
        Some(None) => unauthorized("the header Authorization is not of the form Bearer KEY"),
        Some(Some(key)) if keys.accepts(key) => Ok(()),
        Some(Some(_)) => unauthorized("the key is not accepted: compare it with POOL_API_KEY"),
    }
}

/// The key in the value of an `Authorization` header; the scheme's case does not matter.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, key) = header.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> ApiKeys {
        ApiKeys::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn every_key_is_accepted_and_the_first_is_primary() {
        let keys = keys(" new ,old,, older");
        assert!(["new", "old", "older"].iter().all(|key| keys.accepts(key)));
        assert!(
            ["", "ne", "new ", "new,old"]
                .iter()
                .all(|key| !keys.accepts(key))
        );
        assert_eq!(keys.primary(), &Secret::new("new"));
        assert_eq!(keys.iter().count(), 3);
    }

    #[test]
    fn a_text_without_a_key_is_refused() {
        for empty in ["", " ", ",", " , "] {
            assert_eq!(ApiKeys::try_from(empty.to_owned()).unwrap_err(), NoKeyError);
        }
    }

    #[test]
    fn debug_shows_no_key() {
        assert!(!format!("{:?}", keys("hunter2,hunter3")).contains("hunter"));
    }

    #[tokio::test]
    async fn only_a_request_with_an_accepted_key_passes() {
        let route = require(keys("new,old")).map(|| "in");
        for good in ["Bearer new", "bearer old", "BEARER   new "] {
            let request = warp::test::request().header("authorization", good);
            assert!(request.matches(&route).await, "{good}");
        }
        for bad in [
            "Bearer",
            "Bearer x",
            "Basic new",
            "new",
            "Bearer new,old",
            "é",
        ] {
            let request = warp::test::request().header("authorization", bad);
            let rejection = request.filter(&route).await.unwrap_err();
            let problem = crate::problem::of(&rejection).unwrap();
            assert_eq!(
                (problem.status, problem.code.as_str()),
                (401, "unauthorized")
            );
        }
        assert!(warp::test::request().filter(&route).await.is_err());
    }
}
