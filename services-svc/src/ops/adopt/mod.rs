//! `services-svc adopt`: takes over the instances and tools of the Node.js original.
//!
//! They have the original's names at the vendors, so they are identified by their ids from then on, and no listing is
//! expected to contain them.

mod plan;
mod run;

pub(crate) use run::adopt;

/// The tables of the original that have the names of ours.
pub(crate) const TABLES: &[&str] = &[INFRA, TOOLS];

const INFRA: &str = "instance_infra";
const TOOLS: &str = "instance_services";
