#![doc = include_str!("../README.md")]

mod calls;
pub mod containers;
mod http_proxy;
mod interceptor;
mod lab;
mod label;
pub mod matrix;
pub mod operations;
pub mod outage;
mod own_database;
mod pg_proxy;
mod pg_wire;
mod promises;
pub mod recovery;
pub mod replicas;
mod rows;
mod runtime;
pub mod secrets;
pub mod self_test;
mod settings;
mod settle;
pub mod shared;
pub mod sigterm;
mod socket_proxy;
pub mod storm;
mod system;

pub use agent_pool_stack::Service;
pub use interceptor::{Interceptor, Step, When};
pub use lab::Lab;
pub use settings::Pacing;
pub use system::System;
