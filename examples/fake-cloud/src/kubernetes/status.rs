//! Refusals, as `kind: Status`.

use hyper::StatusCode;
use serde_json::json;

use super::target::Key;
use crate::http::Answer;

pub(super) fn refuse(code: u16, reason: &str, message: impl Into<String>) -> Answer {
    about(code, reason, message, "")
}

fn about(code: u16, reason: &str, message: impl Into<String>, name: &str) -> Answer {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut details = json!({});
    if !name.is_empty() {
        details["name"] = name.into();
    }
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message.into(), "reason": reason, "details": details, "code": code,
    });
    Answer::json(status, body)
}

pub(super) fn not_found(key: &Key) -> Answer {
    let (resource, _, name) = key;
    about(
        404,
        "NotFound",
        format!("{} {name:?} not found", resource.full()),
        name,
    )
}

pub(super) fn no_namespace(name: &str) -> Answer {
    about(
        404,
        "NotFound",
        format!("namespaces {name:?} not found"),
        name,
    )
}

pub(super) fn invalid(key: &Key, why: &str) -> Answer {
    let (resource, _, name) = key;
    let kind = resource.kind();
    about(
        422,
        "Invalid",
        format!("{kind} {name:?} is invalid: {why}"),
        name,
    )
}

pub(super) fn conflict(key: &Key, why: &str) -> Answer {
    let (resource, _, name) = key;
    let message = format!(
        "Operation cannot be fulfilled on {} {name:?}: {why}",
        resource.full()
    );
    about(409, "Conflict", message, name)
}

pub(super) fn too_many() -> Answer {
    let mut answer = refuse(
        429,
        "TooManyRequests",
        "too many requests, please try again later",
    );
    if let Some(body) = answer.body_mut() {
        body["details"]["retryAfterSeconds"] = 1.into();
    }
    answer.with_header("retry-after", 1)
}
