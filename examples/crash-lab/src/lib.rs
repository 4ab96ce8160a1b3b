#![doc = include_str!("../README.md")]

mod calls;
mod ground;
mod http_proxy;
mod label;
pub mod matrix;
mod pg_proxy;
mod pg_wire;
mod process;
mod promises;
pub mod replicas;
mod rows;
mod runtime;
pub mod sabotage;
pub mod secrets;
mod settings;
mod settle;
pub mod sigterm;
pub mod storm;
mod trap;
mod world;

pub use ground::Ground;
pub use process::Part;
pub use settings::Pacing;
pub use trap::{Step, Trap, When};
pub use world::World;
