//! The tables of Services: one module each, one function per intent. No function takes a connection from
//! the pool or opens a transaction: the caller does.

/// True while the lease belongs to the holder of the [`Fence`](instance_leases::Fence); no other holder can take it
/// until the statement ends. It is part of every write to the rows of an instance, so that a holder that paused until
/// its lease was taken over can no longer write, whatever it had read before.
macro_rules! fenced {
    ($fence:expr) => {
        // FOR SHARE: a take-over of the lease waits until this transaction has ended, so that the write cannot slip in
        // behind it. Diesel has no locking clause in an `EXISTS`.
        diesel::dsl::sql::<diesel::sql_types::Bool>(
            "EXISTS (SELECT FROM instance_leases AS lease WHERE lease.instance_id = ",
        )
        .bind::<diesel::sql_types::Text, _>($fence.instance.as_str())
        .sql(" AND lease.holder = ")
        .bind::<diesel::sql_types::Text, _>($fence.holder.as_str())
        .sql(" FOR SHARE)")
    };
}

/// Whether a fenced statement found its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a row that is gone was destroyed meanwhile"]
pub(crate) enum Written {
    Yes,
    /// The row does not exist, or another holder has the lease.
    NoRow,
}

impl Written {
    const fn from_count(rows: usize) -> Self {
        if rows == 0 { Self::NoRow } else { Self::Yes }
    }

    /// For an operation that must not continue without its row.
    pub(crate) fn or_gone(self, instance: &InstanceId) -> Result<(), RowGone> {
        match self {
            Self::Yes => Ok(()),
            Self::NoRow => Err(RowGone(instance.clone())),
        }
    }
}

/// An instance was destroyed while an operation made something for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("instance {0} was destroyed meanwhile")]
pub(crate) struct RowGone(pub(crate) InstanceId);

pub(crate) mod adopted;
pub(crate) mod expected;
pub(crate) mod instance_infra;
pub(crate) mod instance_leases;
pub(crate) mod instance_services;
pub(crate) mod local_grants;
pub(crate) mod made_instances;
pub(crate) mod recipe_salt;
pub(crate) mod reseal;
mod schema;
pub(crate) mod sections;
pub(crate) mod sweep_reports;
pub(crate) mod vendor_notices;

use agent_pool_core::InstanceId;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

/// The migrations of `migrations/services`, which run at start.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations/services");
