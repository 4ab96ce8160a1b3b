//! The GraphQL types, under the vendor's names. A subset of the vendor's schema: what is not here
//! is refused by validation, as it would be there if it did not exist.

mod connection;
mod environment;
mod input;
mod mutation;
mod node;
mod place;
mod project;
mod query;
mod remove;
mod run;
mod scalar;

use std::sync::MutexGuard;

use async_graphql::{Context, EmptySubscription, Result};

pub use node::DeploymentStatus;

use super::access::Caller;
use super::endpoint::Shared;
use super::state::State;
use crate::sync::lock;

/// The whole schema.
pub(crate) type Schema = async_graphql::Schema<query::Query, mutation::Mutation, EmptySubscription>;

/// Builds the schema.
pub(crate) fn build() -> Schema {
    Schema::build(
        query::Query,
        mutation::Mutation::default(),
        EmptySubscription,
    )
    .finish()
}

/// The state, locked, and who asks.
fn open<'c>(ctx: &Context<'c>) -> Result<(MutexGuard<'c, State>, &'c Caller)> {
    let state = ctx.data::<Shared>()?;
    Ok((lock(state), ctx.data::<Caller>()?))
}
