//! The tables of Services: one module each, a function per intent. None of them holds a connection;
//! transactions are opened by whoever calls.

/// The moment `length` from now, by the database's clock. Postgres counts intervals in seconds.
macro_rules! after {
    ($length:expr) => {
        diesel::IntoSql::into_sql::<diesel::sql_types::Timestamptz>(diesel::dsl::now)
            + diesel::pg::expression::extensions::IntervalDsl::seconds($length.as_secs_f64())
    };
}

pub(crate) mod instance_infra;
pub(crate) mod instance_leases;
pub(crate) mod instance_services;
pub(crate) mod local_grants;
mod schema;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};

/// The migrations of `migrations/services`, to be run at start.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations/services");
