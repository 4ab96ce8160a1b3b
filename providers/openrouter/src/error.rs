//! `{"error": {"code", "message", "metadata"?}}`. The code repeats the status, which says the kind.

use agent_pool_core::http::{Reply, VendorFault};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct Body {
    error: Fault,
}

#[derive(Deserialize)]
struct Fault {
    message: String,
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
}

pub(crate) fn read(reply: &Reply) -> Option<VendorFault> {
    let Fault { message, metadata } = reply.json::<Body>().ok()?.error;
    let fields = metadata.iter().flatten();
    let fields = fields.filter_map(|(name, value)| Some(format!("; {name}: {}", value.as_str()?)));
    Some(VendorFault {
        kind: None,
        message: message + &fields.collect::<String>(),
        retry_after: None,
    })
}
