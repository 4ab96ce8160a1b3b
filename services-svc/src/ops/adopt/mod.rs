//! `services-svc adopt`: takes over the instances and tools of the Node.js original.
//!
//! Vendors know them under the original's names, so they are known by their ids from then on, and no listing is
//! expected to have them.

mod plan;
mod run;

pub(crate) use run::adopt;

/// The tables that the original has under the names of ours.
pub(crate) const TABLES: &[&str] = &[INFRA, TOOLS];

const INFRA: &str = "instance_infra";
const TOOLS: &str = "instance_services";
