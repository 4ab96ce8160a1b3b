#![doc = include_str!("../README.md")]

mod cli;
mod distribution;
mod ground;
mod guide;
mod home;
mod launcher;
mod process;
mod progress;
mod run;
mod stack;
mod tools;

pub use cli::{Options, Part};
pub use guide::{Running, curl_guide};
pub use run::{run, run_part};
