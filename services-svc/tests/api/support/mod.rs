//! Helpers of all tests.

mod answer;
mod instances;
mod providers;
mod service;
pub(crate) mod statements;
mod world;

pub(crate) use answer::Answer;
pub(crate) use providers::{specs, world};
pub(crate) use service::{KEY, Service, creation, id};
pub(crate) use world::{PATIENCE, Resource, State, When, World};
