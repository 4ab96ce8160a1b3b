//! The HTTP that all vendors share: one request read whole, one answer, a table of routes, a server.
//!
//! It stands on hyper and not on warp because a fake vendor must be able to close a connection
//! without an answer, which a warp filter cannot.

mod answer;
mod body;
mod request;
mod route;
mod server;

pub(crate) use answer::Answer;
pub(crate) use body::{BodyFault, FaultIn};
pub(crate) use request::Request;
pub(crate) use route::{Call, Lookup, Payload, Route, locate, row};
pub(crate) use server::{Cut, Server};
