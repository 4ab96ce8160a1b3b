//! The OpenAPI 3.1 document of a service, generated from the types of its bodies.
//!
//! A service lists its [`Operation`]s in one table, beside its routes. [`document()`] makes the document of them;
//! [`routes`] serves it at `/openapi.json`, with a page to read it at `/openapi`. The shape of a body is never
//! written down a second time: it is the [`JsonSchema`](schemars::JsonSchema) of its type.

mod document;
mod operation;
mod own;
mod serve;

pub use document::{About, document};
pub use operation::Operation;
pub(crate) use own::Alive;
pub use own::common_operations;
pub use serve::routes;
