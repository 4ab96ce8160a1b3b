#![doc = include_str!("../README.md")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::missing_errors_doc,
    reason = "for tests alone: a panic is how they fail"
)]

mod at_cloud;
mod bad_day;
mod lab;
mod openapi;
mod readme;
mod registered;
mod small;

pub use at_cloud::{AtCloud, Trial};
pub use bad_day::on_bad_days;
pub use lab::Lab;
pub use openapi::OpenApi;
pub use readme::readme_tells_the_settings;
pub use registered::registration;
pub use small::{Answered, Asked, AtSmall, SmallVendor};
