//! HTTP answers: JSON for programs, HTML for people, and their headers.

use std::convert::Infallible;

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use maud::Markup;
use serde::Serialize;
use serde::de::DeserializeOwned;
use warp::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION,
    REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use warp::http::{Response, StatusCode};
use warp::reply::{Reply, Response as Answer};
use warp::{Rejection, body, reject};

use crate::auth::Unauthorized;
use crate::page;

/// The headers of every answer: nothing from other sites, no framing, no caching, and no Referer with the secret URL.
pub(crate) fn headers() -> HeaderMap {
    const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let pairs = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ];
    let values = pairs.map(|(name, value)| (name, HeaderValue::from_static(value)));
    HeaderMap::from_iter(values)
}

/// An answer in JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize + Send> Reply for Json<T> {
    fn into_response(self) -> Answer {
        warp::reply::json(&self.0).into_response()
    }
}

/// A failure, as JSON.
pub(crate) struct Failure(pub(crate) Problem);

impl Reply for Failure {
    fn into_response(self) -> Answer {
        let status = status(&self.0);
        let mut answer = warp::reply::with_status(Json(self.0), status).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            answer.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        }
        answer
    }
}

/// A failure, as a page.
pub(crate) struct PageFailure(pub(crate) Problem);

impl Reply for PageFailure {
    fn into_response(self) -> Answer {
        let page = Page(page::problem(&self.0));
        warp::reply::with_status(page, status(&self.0)).into_response()
    }
}

/// A page of HTML.
pub(crate) struct Page(pub(crate) Markup);

impl Reply for Page {
    fn into_response(self) -> Answer {
        warp::reply::html(self.0.into_string()).into_response()
    }
}

/// "See other": the redirect after a form.
pub(crate) struct SeeOther(pub(crate) String);

impl Reply for SeeOther {
    fn into_response(self) -> Answer {
        warp::reply::with_header(StatusCode::SEE_OTHER, LOCATION, self.0).into_response()
    }
}

/// A file that is part of the program.
pub(crate) fn asset(kind: &'static str, text: &'static str) -> Answer {
    let mut answer = Response::new(text).into_response();
    let kind = HeaderValue::from_static(kind);
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

fn status(problem: &Problem) -> StatusCode {
    StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The body of a request as `T`; the problem names the member that is wrong.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    let mut json = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let detail = format!("invalid JSON body: {path}: {}", error.inner());
        Failure(Problem::new(ProblemCode::InvalidField, detail).with_field(path))
    })
}

/// Answers a request that no route accepted. Our own rejection comes first, because several routes may reject it.
pub(crate) async fn unrouted(rejection: Rejection) -> Result<Failure, Infallible> {
    let problem = if rejection.find::<Unauthorized>().is_some() {
        Problem::new(
            ProblemCode::Unauthorized,
            "expected the pool's key: Authorization: Bearer …",
        )
    } else if rejection.find::<reject::PayloadTooLarge>().is_some() {
        Problem::new(ProblemCode::BodyTooLarge, "the body is too large")
    } else if rejection.find::<reject::LengthRequired>().is_some() {
        Problem::new(
            ProblemCode::LengthRequired,
            "the body needs a Content-Length",
        )
    } else if let Some(error) = rejection.find::<body::BodyDeserializeError>() {
        Problem::new(ProblemCode::InvalidField, error.to_string())
    } else if rejection.find::<reject::UnsupportedMediaType>().is_some() {
        Problem::new(ProblemCode::UnsupportedMediaType, "the body is not a form")
    } else if rejection.find::<reject::MethodNotAllowed>().is_some() {
        Problem::new(ProblemCode::MethodNotAllowed, "wrong method for this path")
    } else if rejection.is_not_found() {
        Problem::new(ProblemCode::UnknownRoute, "this path does not exist")
    } else {
        Problem::new(ProblemCode::BadRequest, "the request is malformed")
    };
    Ok(Failure(problem))
}
