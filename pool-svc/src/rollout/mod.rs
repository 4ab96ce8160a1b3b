//! Roll-outs: the idle instances of a pool are replaced when what they are made from has changed.
//!
//! Services says what an instance would be made from now; each row says what its instance was made from. One instance of
//! the new recipe, the canary, is made beside the others. Once it is idle, the others are replaced a few at a time, and
//! there are never fewer idle ones than the target. A canary that does not become ready stops the roll-out.
//!
//! The state is in rows. Each step is one transaction behind the lock under which instances are counted, decided from the
//! rows as they are then, so that any replica may take it and none has to remember anything.

mod decide;
mod keep;
mod recipe;
mod request;
mod step;

pub(crate) use keep::Rollouts;
pub(crate) use recipe::recipe_request;
pub(crate) use request::{RolloutError, act};
