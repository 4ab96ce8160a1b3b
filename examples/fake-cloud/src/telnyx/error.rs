//! Telnyx's errors: `{"errors": [{code, title, detail, source}]}`, the code a string of digits [S].

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::api::ErrorSpec;
use crate::http::{Answer, BodyFault, FaultIn};
use crate::rate::Budget;

/// An error with a code from the vendor's list [D].
pub(crate) fn refuse(status: u16, code: &str, detail: &str) -> Answer {
    answer(&ErrorSpec {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        code: Some(code.to_owned()),
        message: Some(detail.to_owned()),
        fields: Vec::new(),
    })
}

pub(crate) fn answer(spec: &ErrorSpec) -> Answer {
    let code = spec
        .code
        .as_deref()
        .unwrap_or_else(|| usual_code(spec.status));
    let error = |detail: &str| json!({"code": code, "title": title(code), "detail": detail});
    let mut errors: Vec<Value> = spec
        .fields
        .iter()
        .map(|fault| {
            let mut error = error(&fault.message);
            error["source"] = json!({"pointer": pointer(&fault.field)});
            error
        })
        .collect();
    if errors.is_empty() {
        errors.push(error(&spec.text()));
    }
    Answer::json(spec.status, json!({"errors": errors}))
}

/// `phone_numbers[0].phone_number` as a JSON pointer.
fn pointer(field: &str) -> String {
    format!("/{}", field.replace(['[', '.'], "/").replace(']', ""))
}

const fn usual_code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "10009",
        403 => "10010",
        404 => "10005",
        409 => "10012",
        429 => "10011",
        500..=599 => "10007",
        _ => "10015",
    }
}

fn title(code: &str) -> &'static str {
    match code {
        "10004" => "Missing required parameter",
        "10005" => "Resource not found",
        "10007" => "Unexpected error",
        "10009" => "Authentication failed",
        "10010" => "Authorization failed",
        "10011" => "Too many requests",
        "10012" => "Duplicate resource",
        "10021" => "Resource in use",
        "20100" => "Insufficient Funds",
        "85000" => "Number must be searched first",
        "85001" => "Number no longer available",
        "85006" => "Number already reserved",
        _ => "Bad request",
    }
}

pub(crate) fn body(fault: &BodyFault) -> Answer {
    let code = match fault.kind {
        FaultIn::Missing => "10004",
        FaultIn::Unknown | FaultIn::Value => "10015",
    };
    answer(&ErrorSpec {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        code: Some(code.to_owned()),
        message: None,
        fields: vec![crate::fault::FieldFault {
            field: fault.field.clone(),
            message: fault.message.clone(),
        }],
    })
}

pub(crate) fn not_found() -> Answer {
    refuse(
        404,
        "10005",
        "The requested resource or URL could not be found.",
    )
}

/// In every answer. The reset is in seconds from now, and there is no `Retry-After` [D].
pub(crate) fn add_rate_limit(answer: Answer, budget: Budget) -> Answer {
    answer
        .with_header("x-ratelimit-limit", budget.limit)
        .with_header("x-ratelimit-remaining", budget.remaining)
        .with_header("x-ratelimit-reset", budget.reset_seconds)
}
