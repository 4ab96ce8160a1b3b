#![doc = include_str!("../README.md")]

mod find;
mod image;
mod podman;
mod sweep;

pub use find::Engine;
pub use image::{Image, USER};
pub use podman::{Podman, missing_program};
