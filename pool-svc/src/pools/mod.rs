//! Warm pools. A pool is a name with a recipe (what its instances are made from) and a policy (how many there are, and
//! for how long). The pool `default` follows the settings unless it was changed; further ones are declared in
//! `POOLS_FILE` or by the API.
//!
//! [`Definition`] is a pool as stored. [`Plan`] is a pool in effect: its definition with the settings filled in. Code
//! that creates or removes instances works from plans; the `target` of a plan is decided in [`plan`] and nowhere else.

pub(crate) mod budget;
pub(crate) mod change;
pub(crate) mod definition;
pub(crate) mod hold;
pub(crate) mod parse;
pub(crate) mod plan;
pub(crate) mod view;

pub(crate) use budget::BudgetUse;
pub(crate) use definition::Definition;
pub(crate) use plan::{EndRule, Plan, load_plans};
