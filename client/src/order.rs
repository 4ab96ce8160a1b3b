//! What a claim asks for.

use agent_pool_core::wire::pool::ClaimRequest;

use crate::call::Call;

/// A claim to ask for.
#[derive(Debug, Clone, Default)]
pub struct ClaimOrder {
    /// What the agent is to be.
    pub request: ClaimRequest,
    /// How long to wait for an idle instance, in seconds.
    pub wait: u16,
    /// Makes it one claim, however often it is asked for.
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
