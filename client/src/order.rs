//! The input of a claim.

use agent_pool_core::wire::pool::ClaimRequest;

use crate::call::Call;

/// A claim to make.
#[derive(Debug, Clone, Default)]
pub struct ClaimOrder {
    /// The requested agent.
    pub request: ClaimRequest,
    /// How long to wait for an idle instance, in seconds.
    pub wait: u16,
    /// The idempotency key: repeated requests with it are one claim.
    pub idempotency_key: Option<String>,
}

impl ClaimOrder {
    pub(crate) fn write<'a>(&self, call: Call<'a>) -> Call<'a> {
        let mut call = call.json(&self.request);
        if self.wait > 0 {
            call = call.query("wait", &self.wait);
        }
        match &self.idempotency_key {
            Some(key) => call.header("idempotency-key", key),
            None => call,
        }
    }
}
