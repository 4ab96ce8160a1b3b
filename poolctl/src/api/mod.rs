//! The APIs of both services, typed by `agent_pool_core::wire`.

mod call;
mod claim;
mod pool;
mod services;

pub(crate) use call::{CallError, Caller};
pub(crate) use claim::{ClaimOrder, Told};
pub(crate) use pool::Pool;
pub(crate) use services::Services;
