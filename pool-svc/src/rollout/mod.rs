//! Roll-outs: the idle instances of a pool are replaced when its recipe has changed.
//!
//! Services names the recipe from which an instance would be made now; each row names the one from which its instance
//! was made. One instance of the new recipe, the canary, is created in addition to the target. Once it is idle, the
//! others are replaced a few at a time, and there are never fewer idle ones than the target. A canary that does not
//! become ready stops the roll-out.
//!
//! The state is in rows. Each step is one transaction behind the lock under which instances are counted, and is decided
//! from the rows inside it. So any replica may take any step, and two replicas cannot both make a canary.

mod decide;
mod keep;
mod recipe;
mod request;
mod step;

pub(crate) use recipe::recipe_request;
pub(crate) use request::{RolloutError, act};
