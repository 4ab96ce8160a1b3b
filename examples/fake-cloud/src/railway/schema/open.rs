//! Access to the state, for every resolver.

use std::sync::MutexGuard;

use async_graphql::{Context, Result};

use crate::railway::access::Caller;
use crate::railway::state::{Shared, State};
use crate::sync::lock;

/// The locked state, and the caller.
pub(super) fn open<'c>(ctx: &Context<'c>) -> Result<(MutexGuard<'c, State>, &'c Caller)> {
    let state = ctx.data::<Shared>()?;
    Ok((lock(state), ctx.data::<Caller>()?))
}
