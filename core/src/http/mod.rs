//! The HTTP kit: with it a provider's file is a table of its vendor's calls.
//!
//! A tool implements [`HttpTool`], whose page has a whole one as its example. What its methods are given is an
//! [`Api`], the vendor's calls within one operation; [`VendorHttp`] is the vendor itself.
//!
//! | a vendor that | is met with |
//! |---|---|
//! | lists page by page | [`VendorRequest::pages`], [`VendorRequest::numbered`] |
//! | words its errors in JSON | [`FaultTable`]; [`VendorHttp::faults`] where a table does not do |
//! | has a secret in its addresses | [`VendorRequest::hiding`] |
//! | accepts now and carries out later | [`Api::until`], [`Api::confirmed`] |
//! | makes a second one when it is asked once more | [`Api::once`] |
//! | sells what is offered, by orders | [`buy`] |
//! | wants one thing that all instances share | [`Shared`] |
//!
//! ```
//! # use agent_pool_core::{conformance::FakeAnswer, doctest};
//! use agent_pool_core::prelude::*;
//!
//! #[derive(Deserialize)]
//! struct Keys {
//!     keys: Vec<String>,
//!     next: Option<String>,
//! }
//!
//! async fn every_key(api: Api<'_>) -> Answer<Vec<String>> {
//!     let request = api.get(["keys"]).query("limit", 100);
//!     let read = |page: Keys, _| Page { items: page.keys, next: page.next };
//!     request.pages("cursor", read).await
//! }
//! # doctest::vendor(|asked| Some(match asked.query("cursor") {
//! #     None => FakeAnswer::json(200, &json!({ "keys": ["a"], "next": "b" })),
//! #     Some(_) => FakeAnswer::json(200, &json!({ "keys": ["b"], "next": null })),
//! # })).run(async |api| {
//!
//! assert_eq!(every_key(api).await?, ["a", "b"]);
//! # Ok(()) });
//! ```
//!
//! It guarantees that no error, trace or `Debug` holds a key, a body or a query; that a redirect is
//! never followed (it would carry the key along); that no call outlives [`Context::remaining`]; and that
//! an error says whether the effect may have happened. It never retries: that is a layer's work.
//!
//! [`Context::remaining`]: crate::Context::remaining

mod age;
mod api;
mod client;
mod fault;
mod page;
mod provider;
mod purchase;
mod reply;
mod request;
mod shared;
mod table;
mod tool;
mod vendor;
mod wait;

pub use age::age;
pub use api::{Api, Patience};
pub use client::{client, client_builder};
pub use fault::VendorFault;
pub use page::{Data, Numbered, Page, pages};
pub(crate) use provider::{build, describe};
pub use purchase::{Ordered, Progress, Purchase, buy};
pub use reply::Reply;
pub use request::VendorRequest;
pub use shared::Shared;
pub use table::FaultTable;
pub use tool::{Found, HttpTool, NoOptions, OnRepeat};
pub use vendor::VendorHttp;

/// What comes of a call of a vendor.
///
/// ```
/// use agent_pool_core::prelude::*;
///
/// async fn is_there(api: Api<'_>, id: &str) -> Answer<bool> {
///     match api.get(["keys", id]).done().await {
///         Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
///         answer => answer.map(|_| true),
///     }
/// }
/// # use agent_pool_core::{conformance::FakeAnswer, doctest};
/// # doctest::vendor(|_| Some(FakeAnswer::empty(404))).run(async |api| {
/// assert!(!is_there(api, "key-17").await?);
/// # Ok(()) });
/// ```
pub type Answer<T> = Result<T, crate::ProviderError>;
