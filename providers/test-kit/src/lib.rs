#![doc = include_str!("../README.md")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::missing_errors_doc,
    reason = "for tests only: they fail by panicking"
)]

mod any_answer;
mod bad_day;
mod cloud;
mod lab;
mod on_bad_days;
mod openapi;
mod readme;
mod registered;

pub use any_answer::{
    AnyVendor, any_answer_of_an_infras_vendor, any_answer_to_a_tool_is_read_or_refused,
    any_answer_to_an_infra_is_read_or_refused, any_form_of,
};
pub use cloud::{CloudHarness, CloudVendor};
pub use lab::Lab;
pub use on_bad_days::on_bad_days;
pub use openapi::OpenApi;
pub use readme::readme_lists_the_settings;
pub use registered::registration;
