//! The Services API over real Postgres and real HTTP, with providers that do as they are told.

#![cfg(test)]

mod bad_input;
mod configure;
mod create;
mod destroy;
mod exclusion;
mod provision_local;
mod registry;
mod secrets;
mod status;
mod support;
mod sweep;
mod tools;
