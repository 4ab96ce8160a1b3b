//! The HTTP code shared by all vendors: requests, answers, route tables and the server.
//!
//! It uses hyper instead of warp because a fake vendor must be able to close a connection
//! without an answer, which a warp filter cannot do.

mod answer;
mod body;
mod last;
mod request;
mod route;
mod server;

pub(crate) use answer::Answer;
pub(crate) use body::{BodyFault, FaultIn};
pub(crate) use last::send_last;
pub(crate) use request::Request;
pub(crate) use route::{Call, Lookup, Payload, Route, locate, row};
pub(crate) use server::{Cut, Server};
