#![doc = include_str!("../README.md")]

mod calls;
mod lab;
mod http_proxy;
mod label;
pub mod matrix;
mod pg_proxy;
mod pg_wire;
mod promises;
pub mod replicas;
mod rows;
mod runtime;
pub mod self_test;
pub mod secrets;
mod settings;
mod settle;
pub mod sigterm;
pub mod storm;
mod interceptor;
mod system;

pub use agent_pool_stack::Service;
pub use lab::Lab;
pub use settings::Pacing;
pub use interceptor::{Step, Interceptor, When};
pub use system::System;
