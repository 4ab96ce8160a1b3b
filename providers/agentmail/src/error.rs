//! `{name, code?, message, fix?, errors?}`. The vendor asks to go by `code`; where it is absent the status
//! says the kind. Codes: <https://docs.agentmail.to/errors> (seen August 2026).

use std::time::Duration;

use agent_pool_core::ErrorKind;
use agent_pool_core::http::{Reply, VendorFault};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Body {
    code: Option<String>,
    message: String,
    #[serde(default)]
    errors: Vec<FieldFault>,
}

#[derive(Deserialize)]
struct FieldFault {
    path: Value,
    message: String,
}

/// The code of an inbox whose deletion is under way.
pub(crate) const DELETING: &str = "resource_deleting";

pub(crate) fn code(reply: &Reply) -> Option<String> {
    reply.json::<Body>().ok()?.code
}

pub(crate) fn read(reply: &Reply) -> Option<VendorFault> {
    let body: Body = reply.json().ok()?;
    let code = body.code.as_deref().unwrap_or_default();
    let fields = body.errors.iter();
    let fields = fields.map(|fault| format!("; {}: {}", dotted(&fault.path), fault.message));
    let in_flight = matches!(code, "conflict" | "race_condition" | DELETING);
    Some(VendorFault {
        kind: kind(code),
        retry_after: in_flight.then_some(Duration::from_secs(2)),
        message: body.message + &fields.collect::<String>(),
    })
}

/// Only where the status does not say it: address, quota and domain all come as 403.
fn kind(code: &str) -> Option<ErrorKind> {
    match code {
        "already_exists" | "resource_taken" => Some(ErrorKind::Conflict),
        "domain_not_verified" => Some(ErrorKind::Invalid),
        _ => None,
    }
}

fn dotted(path: &Value) -> String {
    let text = |part: &Value| {
        part.as_str()
            .map_or_else(|| part.to_string(), str::to_owned)
    };
    let parts = path
        .as_array()
        .map(|parts| parts.iter().map(text).collect::<Vec<_>>());
    parts.map_or_else(|| text(path), |parts| parts.join("."))
}
