//! Times by the database's clock, in typed Diesel. Diesel cannot bind an interval, but its own constant intervals add
//! to a `timestamptz`; Postgres counts them in seconds.

/// The time `length` from now, by the database's clock: `after!(lease)`.
#[macro_export]
#[doc(hidden)]
macro_rules! __after {
    ($length:expr) => {
        ::diesel::IntoSql::into_sql::<::diesel::sql_types::Timestamptz>(::diesel::dsl::now)
            + ::diesel::pg::expression::extensions::IntervalDsl::seconds($length.as_secs_f64())
    };
}

/// The time `length` ago, by the database's clock: `before!(lease)`.
#[macro_export]
#[doc(hidden)]
macro_rules! __before {
    ($length:expr) => {
        ::diesel::IntoSql::into_sql::<::diesel::sql_types::Timestamptz>(::diesel::dsl::now)
            - ::diesel::pg::expression::extensions::IntervalDsl::seconds($length.as_secs_f64())
    };
}

pub use {__after as after, __before as before};
