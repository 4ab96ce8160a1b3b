//! Records of requests: counts, unexpected requests and, if enabled, complete exchanges.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Vendor;

/// A request with a path, method, parameter, member or GraphQL document that the vendor does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unexpected {
    /// The vendor.
    pub vendor: Vendor,
    /// HTTP method.
    pub method: String,
    /// Path, as sent.
    pub path: String,
    /// What was unknown.
    pub why: String,
}

/// One request and its answer, without headers (they contain keys).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// The vendor.
    pub vendor: Vendor,
    /// The vendor's id of the operation.
    pub operation: String,
    /// HTTP method.
    pub method: String,
    /// Path below the vendor's base, as sent.
    pub path: String,
    /// Decoded query pairs.
    pub query: Vec<(String, String)>,
    /// The request's JSON.
    pub request: Option<Value>,
    /// HTTP status of the answer.
    pub status: u16,
    /// The answer's JSON.
    pub answer: Option<Value>,
    /// Whether a fault caused or changed this answer.
    pub faulted: bool,
}

/// All records of one cloud.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) calls: BTreeMap<(Vendor, String), u64>,
    pub(crate) unexpected: Vec<Unexpected>,
    pub(crate) exchanges: Vec<Exchange>,
}

impl Ledger {
    pub(crate) fn count(&mut self, vendor: Vendor, operations: &[String]) {
        for operation in operations {
            *self.calls.entry((vendor, operation.clone())).or_default() += 1;
        }
    }

    pub(crate) fn calls(&self, vendor: Vendor, operation: &str) -> u64 {
        let key = (vendor, operation.to_owned());
        self.calls.get(&key).copied().unwrap_or_default()
    }
}
