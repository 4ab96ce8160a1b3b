//! The OpenAPI 3.1 document of a service, generated from the types of its bodies.
//!
//! A service lists its [`Operation`]s in one table. [`document()`] generates the document from them; [`routes`] serves
//! it at `/openapi.json`, with a page to read it at `/openapi`. Schemas of bodies are the
//! [`JsonSchema`](schemars::JsonSchema) of their types.

mod document;
mod operation;
mod own;
mod serve;

pub use document::{About, document};
pub use operation::Operation;
pub(crate) use own::Alive;
pub use own::common_operations;
pub use serve::routes;
