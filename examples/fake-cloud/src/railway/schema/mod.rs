//! The GraphQL types, with the vendor's names. A subset of the vendor's schema: anything else
//! is refused by validation.

mod connection;
mod environment;
mod input;
mod mutation;
mod node;
mod open;
mod place;
mod project;
mod query;
mod remove;
mod run;
mod scalar;

use async_graphql::EmptySubscription;

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
