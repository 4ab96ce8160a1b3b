//! Layers: behaviour that every provider gets without writing it.
//!
//! A layer is a struct around `Arc<dyn ToolProvider>` or `Arc<dyn InfraProvider>`; the registry puts
//! them around each provider when it builds it.

mod observe;

pub use observe::{ObservedInfra, ObservedTool};
