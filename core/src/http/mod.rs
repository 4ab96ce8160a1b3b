//! The HTTP kit: with it a provider's client is a table of its vendor's calls.
//!
//! ```no_run
//! use agent_pool_core::http::{Page, VendorHttp, pages};
//! use agent_pool_core::{Context, ProviderError};
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! struct Keys {
//!     keys: Vec<String>,
//!     next: Option<String>,
//! }
//!
//! async fn every_key(http: &VendorHttp, cx: &Context) -> Result<Vec<String>, ProviderError> {
//!     pages(|cursor: Option<String>| async move {
//!         let page: Keys = http.get(["v1", "keys"]).query_each("cursor", cursor).fetch(cx).await?;
//!         Ok(Page { items: page.keys, next: page.next })
//!     })
//!     .await
//! }
//! ```
//!
//! It guarantees that no error, trace or `Debug` holds a key, a body or a query; that a redirect is
//! never followed (it would carry the key along); that no call outlives [`Context::remaining`]; and that
//! an error says whether the effect may have happened. It never retries: that is a layer's work.
//!
//! [`Context::remaining`]: crate::Context::remaining

mod client;
mod fault;
mod page;
mod reply;
mod request;
mod vendor;
mod wait;

pub use client::client;
pub use fault::VendorFault;
pub use page::{Data, Page, pages};
pub use reply::Reply;
pub use request::VendorRequest;
pub use vendor::VendorHttp;
