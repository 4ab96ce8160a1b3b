#![doc = include_str!("../README.md")]

mod acceptance;
mod auth;
mod chat;
mod client;
mod conversation;
mod enter;
mod http;
mod join;
mod llm;
mod page;
mod pool;
mod routes;
mod runtime;
mod server;
mod settings;
mod store;

pub use server::{run, serve};
pub use settings::Settings;
