//! Moments by the database's clock.

/// The moment `length` from now. Postgres counts intervals in seconds.
macro_rules! from_now {
    ($length:expr) => {
        diesel::NullableExpressionMethods::nullable(
            diesel::IntoSql::into_sql::<diesel::sql_types::Timestamptz>(diesel::dsl::now)
                + diesel::pg::expression::extensions::IntervalDsl::seconds($length.as_secs_f64()),
        )
    };
}

/// The moment `length` ago.
macro_rules! before_now {
    ($length:expr) => {
        diesel::NullableExpressionMethods::nullable(
            diesel::IntoSql::into_sql::<diesel::sql_types::Timestamptz>(diesel::dsl::now)
                - diesel::pg::expression::extensions::IntervalDsl::seconds($length.as_secs_f64()),
        )
    };
}

pub(super) use {before_now, from_now};
