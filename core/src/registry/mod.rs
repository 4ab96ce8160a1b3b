//! The registry: which providers this binary was linked with, and which of them are configured.
//!
//! A provider's crate submits a [`ToolRegistration`] or an [`InfraRegistration`]; the service that is linked with it
//! finds them all with [`Registry::collect`].

mod entry;
mod error;
mod infra;
mod lookup;
mod tool;

pub use entry::Entry;
pub use error::{Clash, LookupError, RegistryError};
pub use infra::InfraRegistration;
pub use lookup::Registry;
pub use tool::ToolRegistration;

/// A tool of this build.
pub type ToolEntry = Entry<ToolRegistration>;
/// An infra of this build.
pub type InfraEntry = Entry<InfraRegistration>;

#[cfg(test)]
mod tests;
