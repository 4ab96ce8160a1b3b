//! Tests of the Services API over real Postgres and real HTTP, with scripted providers.

#![cfg(test)]

mod adopted;
mod bad_input;
mod bad_providers;
mod configure;
mod costs;
mod create;
mod destroy;
mod destroyed_meanwhile;
mod exclusion;
mod instance;
mod limits;
mod missing;
mod notices;
mod openapi;
mod provision_local;
mod recipe;
mod recover;
mod registry;
mod runtime_keys;
mod secrets;
mod status;
mod support;
mod sweep;
mod tools;
