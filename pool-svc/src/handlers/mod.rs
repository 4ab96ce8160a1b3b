//! One function for each route: parse, one call, answer.

pub(crate) mod claim;
pub(crate) mod fleet;
pub(crate) mod instances;
pub(crate) mod templates;
pub(crate) mod views;
