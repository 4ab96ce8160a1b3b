//! `{"errors": [{code, title, detail | description, source?}]}`; a code is a string of digits.
//! Codes: <https://developers.telnyx.com/docs/overview/errors> (seen August 2026).

use std::time::Duration;

use agent_pool_core::ErrorKind;
use agent_pool_core::http::{Reply, VendorFault};
use serde::Deserialize;

#[derive(Deserialize)]
struct Body {
    errors: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    code: String,
    title: Option<String>,
    #[serde(alias = "description")]
    detail: Option<String>,
    source: Option<Source>,
}

#[derive(Deserialize)]
struct Source {
    #[serde(alias = "parameter")]
    pointer: Option<String>,
}

impl Fault {
    fn text(&self) -> String {
        let pointer = self
            .source
            .as_ref()
            .and_then(|source| source.pointer.as_deref());
        let parts = [
            Some(self.code.as_str()),
            self.title.as_deref(),
            self.detail.as_deref(),
            pointer,
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
    }
}

pub(crate) fn read(reply: &Reply) -> Option<VendorFault> {
    let faults = reply.json::<Body>().ok()?.errors;
    let code = faults.first()?.code.as_str();
    let texts: Vec<String> = faults.iter().map(Fault::text).collect();
    Some(VendorFault {
        kind: kind(code),
        message: texts.join("; "),
        retry_after: (code == "10036").then_some(Duration::from_secs(2)),
    })
}

/// What a code means, where the status does not say it.
fn kind(code: &str) -> Option<ErrorKind> {
    Some(match code {
        "20002" | "20006" | "20008" => ErrorKind::Unauthorized,
        "20012" | "20013" | "20014" | "20016" | "20017" | "10038" | "10039" | "20100" => {
            ErrorKind::Forbidden
        }
        // 85…: another number is to be taken; this one was not searched for, is gone, is reserved.
        "85000" | "85001" | "85006" | "10012" | "10021" | "10036" => ErrorKind::Conflict,
        "10007" | "10008" => ErrorKind::Unavailable,
        _ => return None,
    })
}
