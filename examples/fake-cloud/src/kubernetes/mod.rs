//! A Kubernetes API server with the controllers that an infra depends on, in memory and strict.
//!
//! It is separate from the vendors: one cluster, one server. Every object is validated against the schemas of
//! Kubernetes (`schemas.json`, which `schemas.py` generates), and against the rules that the schemas do not have.
//! Everything that takes time in a cluster takes some ticks here.

mod apply;
mod cluster;
mod collector;
mod delete;
mod kubelet;
mod list;
mod machines;
mod merge;
mod network;
mod policy;
mod rbac;
mod respond;
mod rules;
mod run;
mod schema;
mod state;
mod status;
mod target;

pub use cluster::FakeCluster;
pub use network::Network;
pub use run::{Fate, Run};
pub use state::ClusterOptions;
