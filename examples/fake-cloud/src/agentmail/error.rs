//! AgentMail's errors: `{name, code, message}`, with `errors[]` in a 400 [S].

use hyper::StatusCode;
use serde_json::json;

use crate::api::ErrorSpec;
use crate::http::{Answer, BodyFault};
use crate::rate::Budget;

/// An error with a code from the vendor's list [D].
pub(crate) fn refuse(status: u16, code: &str, message: &str) -> Answer {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer(&ErrorSpec {
        status,
        code: Some(code.to_owned()),
        message: Some(message.to_owned()),
        fields: Vec::new(),
    })
}

pub(crate) fn answer(spec: &ErrorSpec) -> Answer {
    let (name, usual) = words(spec.status);
    let code = spec.code.as_deref().unwrap_or(usual);
    let mut body = json!({"name": name, "code": code, "message": spec.text()});
    if spec.status == StatusCode::BAD_REQUEST || !spec.fields.is_empty() {
        let errors = spec.fields.iter().map(|fault| {
            json!({"path": fault.field.split('.').collect::<Vec<_>>(), "message": fault.message})
        });
        body["errors"] = errors.collect();
    }
    Answer::json(spec.status, body)
}

/// The vendor's name and code of a status.
fn words(status: StatusCode) -> (&'static str, &'static str) {
    match status.as_u16() {
        400 => ("ValidationError", "validation_error"),
        401 => ("UnauthorizedError", "unauthorized"),
        403 => ("ForbiddenError", "forbidden"),
        404 => ("NotFoundError", "not_found"),
        409 => ("ConflictError", "conflict"),
        422 => ("UnprocessableEntityError", "unprocessable"),
        429 => ("RateLimitError", "rate_limit_exceeded"),
        503 => ("ServiceUnavailableError", "service_unavailable"),
        _ => ("InternalServerError", "internal_error"),
    }
}

pub(crate) fn body(fault: &BodyFault) -> Answer {
    answer(&ErrorSpec {
        status: StatusCode::BAD_REQUEST,
        code: None,
        message: Some("Request validation failed".into()),
        fields: vec![crate::fault::FieldFault {
            field: fault.field.clone(),
            message: fault.message.clone(),
        }],
    })
}

pub(crate) fn not_found(what: &str) -> Answer {
    refuse(404, "not_found", &format!("{what} not found"))
}

/// `Retry-After` in seconds on a 429, nothing otherwise [D].
pub(crate) fn add_rate_limit(answer: Answer, budget: Budget) -> Answer {
    if answer.status == StatusCode::TOO_MANY_REQUESTS {
        answer.with_header("retry-after", budget.reset_seconds)
    } else {
        answer
    }
}
