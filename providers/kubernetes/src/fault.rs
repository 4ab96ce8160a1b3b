//! The meaning of the API server's refusals.

use std::error::Error as StdError;
use std::fmt;

use agent_pool_core::http::retry_after;
use agent_pool_core::{ErrorKind, ProviderError};
use http::{HeaderMap, StatusCode, Uri};
use kube::client::AuthError;
use serde::Deserialize;
use std::time::Duration;

use crate::kind::Kind;

/// How long to wait after a concurrent change of an object.
const CONFLICT_WAIT: Duration = Duration::from_millis(200);

/// One call, for messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    /// The verb as in roles, such as `patch`.
    pub(crate) verb: &'static str,
    pub(crate) kind: &'a Kind,
    pub(crate) namespace: &'a str,
    /// Empty for a list.
    pub(crate) name: &'a str,
}

impl<'a> Call<'a> {
    pub(crate) const fn new(
        verb: &'static str,
        kind: &'a Kind,
        namespace: &'a str,
        name: &'a str,
    ) -> Self {
        Self {
            verb,
            kind,
            namespace,
            name,
        }
    }
}

impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.kind.resource())?;
        if !self.name.is_empty() {
            write!(f, " {}", self.name)?;
        }
        write!(f, " in namespace {}", self.namespace)
    }
}

/// The body of a refusal, `kind: Status`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    kind: String,
    reason: String,
    message: String,
    details: Details,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Details {
    name: String,
    retry_after_seconds: Option<u64>,
}

/// The error of an answer that is not a success.
pub(crate) fn refused(
    call: &Call<'_>,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> ProviderError {
    let answer: Status = serde_json::from_slice(body).unwrap_or_default();
    let wait = headers.get(http::header::RETRY_AFTER);
    let wait = wait.and_then(|value| retry_after::parse(value.to_str().ok()?));
    let wait = wait.or_else(|| answer.details.retry_after_seconds.map(Duration::from_secs));
    let said = if answer.message.is_empty() {
        status.to_string()
    } else {
        answer.message.clone()
    };
    let error = meaning(call, status, &answer, &said);
    match wait {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    }
}

fn meaning(call: &Call<'_>, status: StatusCode, answer: &Status, said: &str) -> ProviderError {
    match status.as_u16() {
        401 => ErrorKind::Unauthorized.because(format!(
            "the API server does not accept the credentials: renew KUBERNETES_TOKEN or the kubeconfig ({said})"
        )),
        403 if said.contains(" cannot ") => ErrorKind::Forbidden.because(format!(
            "the role lacks the verb {:?} on {} in namespace {}: add it (the README of provider-kubernetes has the Role)",
            call.verb,
            call.kind.resource(),
            call.namespace,
        )),
        403 => ErrorKind::Forbidden.because(format!("the cluster refuses to {call}: {said}")),
        404 => absent(call, answer, said),
        // Somebody else changed the object meanwhile: the retry reads it again.
        409 if answer.reason == "Conflict" => {
            let message = format!("{call} met another change: {said}");
            ErrorKind::Conflict.because(message).with_retry_after(CONFLICT_WAIT)
        }
        409 => ErrorKind::Conflict.because(format!("{call}: {said}")),
        400 | 405 | 406 | 413 | 415 | 422 => ErrorKind::Invalid.because(format!("the API server finds {call} wrong: {said}")),
        429 => ErrorKind::RateLimited.because(format!("the API server asks to slow down: {said}")),
        500.. => ErrorKind::Unavailable.because(format!("the API server failed to {call}: {said}")),
        _ => ErrorKind::Protocol.because(format!("the API server answered {status} to {call}: {said}")),
    }
}

/// A 404 means that the object is gone only if the API server says so about this very object: a proxy, a wrong
/// address or a missing namespace must not make instances look gone.
fn absent(call: &Call<'_>, answer: &Status, said: &str) -> ProviderError {
    if answer.kind == "Status"
        && answer.reason == "NotFound"
        && !call.name.is_empty()
        && answer.details.name == call.name
    {
        return ErrorKind::NotFound.because(format!(
            "the cluster has no {} {}",
            call.kind.resource(),
            call.name
        ));
    }
    if said.starts_with("namespaces ") {
        let namespace = call.namespace;
        return ErrorKind::Invalid.because(format!(
            "the cluster has no namespace {namespace}: create it, or correct KUBERNETES_NAMESPACE"
        ));
    }
    ErrorKind::Invalid.because(format!(
        "nothing serves {} there ({said}): check the server's address, and that the cluster has this kind",
        call.kind.resource()
    ))
}

/// The error of a call without an answer.
pub(crate) fn unreachable(
    server: &Uri,
    error: impl StdError + Send + Sync + 'static,
) -> ProviderError {
    if is_about_credentials(&error) {
        // The error's text may contain the output of an exec plugin, which is a credential.
        let message = "cannot read the credentials: check the exec plugin, token file or certificate of the kubeconfig";
        return ErrorKind::Unauthorized.because(message);
    }
    let message =
        format!("no answer from the API server at {server}: check that it runs and can be reached");
    ErrorKind::Unavailable.because(message).with_source(error)
}

fn is_about_credentials(error: &(dyn StdError + 'static)) -> bool {
    let mut chain = std::iter::successors(Some(error), |&error| error.source());
    chain.any(|link| link.is::<AuthError>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind;
    use serde_json::{Value, json};

    fn refuse(status: u16, body: &Value) -> ProviderError {
        let call = Call::new("patch", &kind::STATEFUL_SET, "agents", "ap-dev-x");
        let status = StatusCode::from_u16(status).unwrap();
        refused(
            &call,
            status,
            &HeaderMap::new(),
            body.to_string().as_bytes(),
        )
    }

    #[test]
    fn a_status_has_one_meaning() {
        for (status, reason, kind) in [
            (401, "Unauthorized", ErrorKind::Unauthorized),
            (403, "Forbidden", ErrorKind::Forbidden),
            (409, "AlreadyExists", ErrorKind::Conflict),
            (422, "Invalid", ErrorKind::Invalid),
            (429, "TooManyRequests", ErrorKind::RateLimited),
            (500, "InternalError", ErrorKind::Unavailable),
            (504, "Timeout", ErrorKind::Unavailable),
            (302, "", ErrorKind::Protocol),
        ] {
            let body = json!({ "kind": "Status", "reason": reason, "message": "words" });
            let error = refuse(status, &body);
            assert_eq!(error.kind(), kind, "{status}");
            assert_eq!(
                error.is_transient(),
                matches!(status, 429 | 500 | 504),
                "{status}"
            );
        }
        let conflict = refuse(409, &json!({ "kind": "Status", "reason": "Conflict" }));
        assert!(
            conflict.is_transient(),
            "another change is read, and the call repeated"
        );
    }

    #[test]
    fn only_the_api_servers_word_on_this_object_means_gone() {
        let gone =
            json!({ "kind": "Status", "reason": "NotFound", "details": { "name": "ap-dev-x" } });
        assert_eq!(refuse(404, &gone).kind(), ErrorKind::NotFound);
        for other in [
            json!("404 page not found"),
            json!({ "kind": "Status", "reason": "NotFound", "details": {} }),
            json!({ "kind": "Status", "reason": "NotFound", "details": { "name": "agents" }, "message": "namespaces \"agents\" not found" }),
        ] {
            assert_eq!(refuse(404, &other).kind(), ErrorKind::Invalid, "{other}");
        }
    }

    #[test]
    fn a_lacking_permission_is_named_and_a_quota_is_told_apart() {
        let message = "statefulsets.apps \"x\" is forbidden: User \"u\" cannot patch resource \"statefulsets\"";
        let error = refuse(
            403,
            &json!({ "kind": "Status", "reason": "Forbidden", "message": message }),
        )
        .to_string();
        assert!(
            error.contains("\"patch\" on statefulsets.apps in namespace agents"),
            "{error}"
        );
        let quota =
            json!({ "kind": "Status", "reason": "Forbidden", "message": "exceeded quota: pods" });
        let error = refuse(403, &quota).to_string();
        assert!(
            error.contains("exceeded quota") && !error.contains("role"),
            "{error}"
        );
    }
}
