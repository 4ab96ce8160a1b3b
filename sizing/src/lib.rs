#![doc = include_str!("../README.md")]

mod demand;
mod objective;
mod quantile;
mod simulate;
mod target;
pub mod trace;

pub use demand::{Demand, HISTORY, PROFILE_WEIGHT, Profile, RECENT, dispersion, mixed_rate};
pub use objective::{Floor, Objective, ObjectiveError};
pub use quantile::quantile;
pub use simulate::{Outcome, Rule, SURPLUS_AFTER, best_fixed, simulate};
pub use target::{Bound, Decision, Inputs, decide};
