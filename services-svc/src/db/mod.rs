//! The tables of Services: one module each, a function per intent. None of them holds a connection;
//! transactions are opened by whoever calls.

pub(crate) mod instance_infra;
pub(crate) mod instance_leases;
pub(crate) mod instance_services;
mod schema;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};

/// The migrations of `migrations/services`, to be run at start.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations/services");
