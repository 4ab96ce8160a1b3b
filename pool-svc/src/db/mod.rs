//! The pool's tables: one module per table or per kind of access. Functions take a connection; their callers open
//! transactions.

pub(crate) mod adopted;
pub(crate) mod chores;
pub(crate) mod claim_keys;
pub(crate) mod claim_refusals;
pub(crate) mod claim_waiters;
pub(crate) mod claims;
pub(crate) mod cost_sums;
pub(crate) mod costs;
pub(crate) mod creation_failures;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod fleet;
pub(crate) mod guards;
pub(crate) mod instance_tools;
pub(crate) mod instances;
pub(crate) mod leases;
pub(crate) mod listen;
pub(crate) mod rollouts;
pub(crate) mod row;
pub(crate) mod sizings;
pub(crate) mod tick_state;
pub(crate) mod upgrades;
pub(crate) mod views;
pub(crate) mod webhooks;

#[cfg(test)]
mod claim_tests;
mod moves;
pub(crate) mod pending;
#[cfg(test)]
mod plan_tests;
pub(crate) mod pools;
mod prepared;
pub(crate) mod reseal;
pub(crate) mod schema;
pub(crate) mod sealed;
#[cfg(test)]
pub(crate) mod test_database;
#[cfg(test)]
mod tests;

use agent_pool_core::wire::problem::ProblemCode;
use agent_pool_service_kit::db::DbError;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

/// The migrations of the pool's database, run at start under a lock.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations/pool");

/// The stable identifier of a database failure, in problems and in metrics.
pub(crate) const fn problem_code(error: &DbError) -> ProblemCode {
    match error {
        DbError::Unreachable(_) | DbError::Exhausted(_) | DbError::Unwritable(_) => {
            ProblemCode::DatabaseUnavailable
        }
        DbError::Secret(_) => ProblemCode::SecretUnreadable,
        DbError::Query(_) | DbError::Migration(_) | DbError::CorruptRow { .. } => {
            ProblemCode::InternalError
        }
    }
}
