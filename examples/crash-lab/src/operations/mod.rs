//! Operations on a running system: rotating keys, restarting replicas one after another or upgrading them to another
//! version, restoring or adopting databases, and a vendor's limit that keeps the pool from filling.

mod balancer;
mod clients;
pub mod fill_rate;
pub mod moving_in;
mod plant;
pub mod restore;
pub mod rolling;
pub mod rotation;
pub mod upgrade;
