//! `pool-svc adopt`: takes over the instances of the Node.js original. Claimed agents stay claimed.

mod plan;
mod run;

pub(crate) use run::adopt;

/// The tables that the original has under the names of ours.
pub(crate) const TABLES: &[&str] = &[INSTANCES];

const INSTANCES: &str = "instances";
/// A table of Services, which newer versions of the original keep in the same database.
const INFRA: &str = "instance_infra";
