//! OpenRouter's errors: `{"error": {"code": <status>, "message": …}}`; the code is the status [D][S].

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::api::ErrorSpec;
use crate::http::{Answer, BodyFault};
use crate::rate::Budget;

pub(crate) fn answer(spec: &ErrorSpec) -> Answer {
    let mut error = json!({"code": spec.status.as_u16(), "message": spec.text()});
    if !spec.fields.is_empty() {
        let fields = spec
            .fields
            .iter()
            .map(|f| (f.field.clone(), Value::from(f.message.clone())));
        error["metadata"] = Value::Object(fields.collect());
    }
    Answer::json(spec.status, json!({"error": error}))
}

pub(crate) fn refuse(status: StatusCode, message: impl Into<String>) -> Answer {
    answer(&ErrorSpec::new(status, message))
}

pub(crate) fn body(fault: &BodyFault) -> Answer {
    let message = format!("{}: {}", fault.field, fault.message);
    refuse(StatusCode::BAD_REQUEST, message)
}

pub(crate) fn not_found(what: &str) -> Answer {
    refuse(StatusCode::NOT_FOUND, format!("{what} not found"))
}

/// Only 429 answers have the `X-RateLimit-*` headers [D] and `Retry-After`.
pub(crate) fn add_rate_limit(answer: Answer, budget: Budget) -> Answer {
    if answer.status != StatusCode::TOO_MANY_REQUESTS {
        return answer;
    }
    let reset = chrono::Utc::now()
        .timestamp_millis()
        .saturating_add_unsigned(budget.reset_seconds * 1000);
    answer
        .with_header("retry-after", budget.reset_seconds)
        .with_header("x-ratelimit-limit", budget.limit)
        .with_header("x-ratelimit-remaining", budget.remaining)
        .with_header("x-ratelimit-reset", reset)
}
