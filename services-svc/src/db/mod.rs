//! The tables of Services: one module each, a function per intent. None of them holds a connection;
//! transactions are opened by whoever calls.

/// The moment `length` from now, by the database's clock. Postgres counts intervals in seconds.
macro_rules! after {
    ($length:expr) => {
        diesel::IntoSql::into_sql::<diesel::sql_types::Timestamptz>(diesel::dsl::now)
            + diesel::pg::expression::extensions::IntervalDsl::seconds($length.as_secs_f64())
    };
}

/// The moment `length` ago, by the database's clock.
macro_rules! before {
    ($length:expr) => {
        diesel::IntoSql::into_sql::<diesel::sql_types::Timestamptz>(diesel::dsl::now)
            - diesel::pg::expression::extensions::IntervalDsl::seconds($length.as_secs_f64())
    };
}

/// Holds while the lease is whose [`Fence`](instance_leases::Fence) it is, and keeps it from being taken
/// until the statement ends: part of every write to the rows of an instance. A holder that paused until
/// its lease was another's writes nothing any more, whatever it knew.
macro_rules! fenced {
    ($fence:expr) => {
        // Diesel has no locking clause in an `EXISTS`.
        diesel::dsl::sql::<diesel::sql_types::Bool>(
            "EXISTS (SELECT FROM instance_leases AS lease WHERE lease.instance_id = ",
        )
        .bind::<diesel::sql_types::Text, _>($fence.instance.as_str())
        .sql(" AND lease.holder = ")
        .bind::<diesel::sql_types::Text, _>($fence.holder.as_str())
        .sql(" FOR SHARE)")
    };
}

/// Whether there was a row to write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a row that is gone was destroyed meanwhile"]
pub(crate) enum Written {
    Yes,
    /// There is none, or the lease is another's.
    NoRow,
}

impl Written {
    const fn of(rows: usize) -> Self {
        if rows == 0 { Self::NoRow } else { Self::Yes }
    }

    /// For what must not go on without its row.
    pub(crate) fn or_gone(self, instance: &InstanceId) -> Result<(), Gone> {
        match self {
            Self::Yes => Ok(()),
            Self::NoRow => Err(Gone(instance.clone())),
        }
    }
}

/// Somebody destroyed an instance while an operation made something for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("instance {0} was destroyed meanwhile")]
pub(crate) struct Gone(pub(crate) InstanceId);

pub(crate) mod instance_infra;
pub(crate) mod instance_leases;
pub(crate) mod instance_services;
pub(crate) mod local_grants;
mod schema;
pub(crate) mod sections;
pub(crate) mod standing;
pub(crate) mod sweep_reports;
pub(crate) mod unfinished;

use agent_pool_core::InstanceId;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

/// The migrations of `migrations/services`, to be run at start.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations/services");
