//! All mutations, by subject.

use async_graphql::MergedObject;

use super::place::Place;
use super::remove::Remove;
use super::run::Run;

/// The root of mutations.
#[derive(Debug, Default, MergedObject)]
#[graphql(name = "Mutation")]
pub(crate) struct Mutation(Place, Run, Remove);
