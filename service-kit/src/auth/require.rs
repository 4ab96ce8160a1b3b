//! The bearer key as a filter.

use std::fmt;

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::HeaderValue;

use super::caller::{Refusal, count};
use super::{ApiKeys, Caller, Principal, caller};
use crate::problem::reject;

/// Accepts requests that present one of `keys`; others get 401 `unauthorized`, or 429 if many wrong keys came from
/// their source.
///
/// Put it after path and method, so that an unknown path is 404 for everyone.
pub fn require(keys: ApiKeys) -> BoxedFilter<()> {
    identify(keys).map(|_| ()).untuple_one().boxed()
}

/// Like [`require`], and extracts the principal.
pub fn identify(keys: ApiKeys) -> BoxedFilter<(Principal,)> {
    presented()
        .and_then(move |presented: Presented| {
            let verdict = presented.verify(&keys).map_err(reject);
            async { verdict }
        })
        .boxed()
}

/// What a request presents, for routes whose keys have to be looked up first.
pub fn presented() -> BoxedFilter<(Presented,)> {
    warp::header::value("authorization")
        .map(Some)
        .or(warp::any().map(|| None))
        .unify()
        .and(caller())
        .map(|header, caller| Presented { header, caller })
        .boxed()
}

/// The `Authorization` of a request, and where it came from.
#[derive(Clone)]
pub struct Presented {
    header: Option<HeaderValue>,
    caller: Caller,
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented")
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}

impl Presented {
    /// Whether its key would be checked. Call it before an expensive look-up of keys.
    ///
    /// # Errors
    /// 429 `too_many_wrong_keys` if many wrong keys came from its source.
    pub fn may_present(&self) -> Result<(), Problem> {
        self.caller.may_present()
    }

    /// Verifies the presented key against `keys`.
    ///
    /// # Errors
    /// 401 `unauthorized`, or 429 `too_many_wrong_keys` if many wrong keys came from its source.
    pub fn verify(&self, keys: &ApiKeys) -> Result<Principal, Problem> {
        let no_key = |detail| {
            count(Refusal::NoKey);
            Err(Problem::new(ProblemCode::Unauthorized, detail))
        };
        let header = self.header.as_ref();
        match header.map(|header| header.to_str().ok().and_then(bearer)) {
            None => no_key("no key: send the header Authorization: Bearer KEY"),
            Some(None) => no_key("the header Authorization does not have the form Bearer KEY"),
            Some(Some(key)) => self.caller.present(keys, key),
        }
    }
}

/// The key in the value of an `Authorization` header; the scheme's case does not matter.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, key) = header.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use super::super::{Guesses, Source};
    use super::*;

    const NEW: &str = "new-key-0123456789";
    const OLD: &str = "old-key-0123456789";

    fn keys() -> ApiKeys {
        ApiKeys::try_from(format!("ann:{NEW},{OLD}")).unwrap()
    }

    #[tokio::test]
    async fn only_a_request_with_an_accepted_key_passes() {
        let route = identify(keys());
        for (scheme, key, name) in [("Bearer", NEW, "ann"), ("bearer", OLD, "api")] {
            let request =
                warp::test::request().header("authorization", format!("{scheme}   {key}"));
            assert_eq!(request.filter(&route).await.unwrap().name, name);
        }
        for bad in ["Bearer", "Bearer x", &format!("Basic {NEW}"), NEW, "é"] {
            let request = warp::test::request().header("authorization", bad);
            let rejection = request.filter(&route).await.unwrap_err();
            let problem = crate::problem::problem_of(&rejection).unwrap();
            assert_eq!(
                (problem.status, problem.code.as_str()),
                (401, "unauthorized")
            );
        }
        assert!(warp::test::request().filter(&route).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_of_many_wrong_keys_is_held_back_even_with_the_right_one() {
        let route = require(keys());
        let guesses = Arc::new(Guesses::default());
        let present = |key: &str, host: u8| {
            let request = warp::test::request()
                .header("authorization", format!("Bearer {key}"))
                .extension(Arc::clone(&guesses))
                .extension(Source(Ipv4Addr::new(10, 0, 0, host).into()));
            let route = &route;
            async move {
                let rejected = request.filter(route).await.err()?;
                let problem = crate::problem::problem_of(&rejected).unwrap();
                Some((problem.status, problem.retry_after))
            }
        };
        for _ in 0..10 {
            assert_eq!(present("wrong", 1).await, Some((401, None)));
        }
        let (status, wait) = present(NEW, 1).await.unwrap();
        assert_eq!(status, 429);
        assert_eq!(
            present(NEW, 2).await,
            None,
            "another source is not held back"
        );
        for _ in 0..20 {
            present("wrong", 2).await;
        }
        assert_eq!(present(NEW, 2).await, None, "it is known from before");
        assert_eq!(present(OLD, 2).await.unwrap().0, 429, "this one is not");
        tokio::time::advance(wait.unwrap()).await;
        assert_eq!(present(NEW, 1).await, None);
    }
    proptest::proptest! {
        #[test]
        fn any_authorization_holds_a_key_or_none(header in ".{0,40}", key in "[!-~]{16,40}") {
            let _ = bearer(&header);
            let valid = format!("bEarer  {key} ");
            proptest::prop_assert_eq!(bearer(&valid), Some(key.as_str()));
        }
    }
}
