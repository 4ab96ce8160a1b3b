//! Database addresses, as libpq reads them: `postgres://…` or `key=value` pairs, with its parameters.
//!
//! A parameter that libpq knows is applied, or refused with its name and the reason. No message quotes a value, because
//! an address contains a password.

mod parameters;
mod text;

pub(super) use parameters::{Address, parse};
