//! What operators do to a running system: keys that are rotated, replicas that are restarted one after another,
//! databases that are restored, and a vendor's limit that keeps the pool from filling.

mod balancer;
pub mod fill_rate;
mod plant;
pub mod restore;
pub mod rolling;
pub mod rotation;
