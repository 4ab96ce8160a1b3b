//! Warm pools. A pool is a name with a recipe, by which its instances are made, and a policy, by which there are so
//! many of them. The pool `default` is what the settings say, unless somebody has changed it; further ones are
//! declared in `POOLS_FILE` or by the API.
//!
//! [`Definition`] is a pool as it is stored. [`Plan`] is a pool as it is to be now: its definition with the
//! settings filled in. Whatever makes or removes instances works from plans; what a plan's `target` is, is decided in
//! [`plan`] and nowhere else.

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
