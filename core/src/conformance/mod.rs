//! The behaviour suite that any provider runs, with one line in its tests.
//!
//! A provider's test gives a *harness*: the settings of a working provider, what its vendor holds, and how
//! to make that vendor misbehave. The suite builds the provider from its registration, against whatever
//! endpoint the settings name, and tries every promise of [`ToolProvider`](crate::ToolProvider) or
//! [`InfraProvider`](crate::InfraProvider). Each case has a mark of its own, so that no case sees what
//! another left, and ends by destroying what it made.
//!
//! ```
//! # use agent_pool_core::doctest::Acme;
//! use agent_pool_core::conformance::{self, Harness, Held, ToolHarness};
//! use agent_pool_core::registry::ToolRegistration;
//! use agent_pool_core::settings::Environment;
//!
//! struct AtAcme;
//!
//! #[async_trait::async_trait]
//! impl Harness for AtAcme {
//!     fn environment(&self) -> Environment {
//!         Environment::from_iter([("ACME_API_KEY", "sk-fake-31c7")])
//!     }
//!
//!     async fn held(&self) -> Vec<Held> {
//!         Vec::new() // a real one looks into its fake, or asks the vendor
//!     }
//!
//!     fn page_size(&self) -> Option<usize> {
//!         None
//!     }
//! }
//!
//! impl ToolHarness for AtAcme {
//!     fn registration(&self) -> ToolRegistration {
//!         Acme::REGISTRATION
//!     }
//! }
//!
//! # agent_pool_core::doctest::run(async {
//! // In a test: `conformance::tool(&AtAcme).await.assert()`. Acme has no vendor, and is found out.
//! let report = conformance::tool(&AtAcme).await;
//! assert!(report.failed().any(|row| row.case == "wrong_key"), "{report}");
//! # });
//! ```
//!
//! A provider whose vendor is asked over HTTP needs no harness of its own: [`AtFake`] is one, for a vendor
//! that the test writes as a [`FakeVendor`].
//!
//! What a harness cannot do is reported as *not applicable*, with the reason. The suite waits and tries
//! again where an error is transient, as the layers would; the provider itself must not.

mod answers;
mod bench;
mod cancel;
mod case;
mod fake;
mod faults;
mod harness;
mod infra;
mod list;
mod make;
mod remove;
mod report;
mod secrets;
mod subject;
mod tool;

pub use fake::{AtFake, FakeAnswer, FakeRequest, FakeVendor};
pub use harness::{Fault, Harness, Held, InfraHarness, RetryAfter, ToolHarness, Unsupported};
pub use infra::infra;
pub use report::{Outcome, Report, Row};
pub use tool::tool;

#[cfg(test)]
mod promises;
