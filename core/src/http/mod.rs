//! The HTTP kit: with it, a provider for a vendor with an HTTP API contains only that vendor's calls.
//!
//! A tool implements [`HttpTool`], whose page shows a complete one. Its methods get an [`Api`], which makes the
//! vendor's calls within one operation; [`VendorHttp`] is the vendor itself.
//!
//! | the vendor | use |
//! |---|---|
//! | lists page by page | [`VendorRequest::fetch_pages`] |
//! | lists items that other programs made | [`ListItem`], which skips an item that cannot be read unless it is ours |
//! | describes its errors in JSON | [`FaultTable`], or [`VendorHttp::faults`] if a table is not enough |
//! | has a secret in its URLs | [`VendorRequest::redact`] |
//! | accepts a request and carries it out later | [`Api::poll`], [`Api::await_all`] |
//! | answers "busy" for a few seconds | [`FaultTable::passing_codes`], [`FaultTable::passing_status`] |
//!
//! Guarantees: no error, trace or `Debug` output contains a key, a body or a query; a redirect is never followed
//! (the key would go with it); no call outlives [`Context::remaining`]; an error says whether the request may have
//! taken effect. The kit never retries: the retry layer does.
//!
//! [`Context::remaining`]: crate::Context::remaining

mod api;
mod client;
mod fault;
mod item;
mod page;
mod polling;
mod provider;
mod proxy;
mod reply;
mod request;
pub mod retry_after;
mod table;
mod tool;
mod unanswered;
mod vendor;

pub use api::Api;
pub use client::{bare_builder, client, client_builder};
pub use fault::VendorFault;
pub use item::{ListItem, known_items};
pub use page::{Data, Page, pages};
pub use polling::Polling;
pub(crate) use provider::{build, describe};
pub use proxy::Proxies;
pub use reply::Reply;
pub use request::VendorRequest;
pub use table::FaultTable;
pub use tool::{HttpTool, NoOptions, OnRepeat, VendorResource};
pub use vendor::VendorHttp;

/// The result of a provider's call to its vendor.
pub type ProviderResult<T> = Result<T, crate::ProviderError>;
