#![doc = include_str!("../README.md")]

mod backend;
#[cfg(feature = "cloud")]
mod cloud;
#[cfg(feature = "containers")]
mod containers;
mod distribution;
mod folder;
mod lock;
mod options;
mod part;
mod process;
mod progress;
mod running;
mod signals;
mod stack;
mod tools;
mod up;

pub use options::Options;
pub use part::{Part, Service, run_part};
pub use process::{Log, Process};
pub use running::Running;
pub use up::up;
