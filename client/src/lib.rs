#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod call;
mod claim;
mod error;
mod http;
mod order;
mod pool;
mod runtime;
mod services;
mod status;

pub use claim::ClaimUpdate;
pub use error::CallError;
pub use http::Http;
pub use order::ClaimOrder;
pub use pool::Pool;
pub use runtime::{HEALTH_WITHIN, Runtime};
pub use services::{
    CONFIGURE_WITHIN, CREATE_WITHIN, DESTROY_WITHIN, Destruction, Services, status_within,
};
pub use status::StatusAnswer;
