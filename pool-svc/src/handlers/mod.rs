//! One function per route: it parses the request, makes one call, and builds the response.

pub(crate) mod claim;
pub(crate) mod claim_input;
pub(crate) mod costs;
pub(crate) mod explain;
pub(crate) mod fleet;
pub(crate) mod instance_tools;
pub(crate) mod instances;
pub(crate) mod pools;
pub(crate) mod rollouts;
pub(crate) mod sizing;
pub(crate) mod templates;
pub(crate) mod views;
pub(crate) mod webhooks;
