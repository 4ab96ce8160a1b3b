//! The conformance suite, which every provider runs with one line in its tests.
//!
//! A provider's test supplies a *harness*: the settings of a working provider, what its vendor holds, and how to make
//! that vendor misbehave. The suite builds the provider from its registration, against the endpoint that the settings
//! name, and tests every promise of [`ToolProvider`](crate::ToolProvider) or [`InfraProvider`](crate::InfraProvider).
//! Each case has its own mark, so that no case sees the resources of another. At its end it destroys the resources
//! that it created.
//!
//! A tool whose vendor has an HTTP API needs no harness of its own: [`FakeServer`] is one, for a vendor that the test
//! describes as a [`FakeVendor`]. Then the test is:
//!
//! ```ignore
//! conformance::tool(&FakeServer::start("acme", FakeAcme::default()).await).await.assert();
//! ```
//!
//! A case that a harness cannot run is reported as *not applicable*, with the reason. The suite waits and tries again
//! after a transient error, as the layers do; the provider itself must not.

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
mod proxy;
mod remove;
mod report;
mod secrets;
mod subject;
mod tool;
mod verdict;

pub use fake::{FakeInstance, FakeRequest, FakeResponse, FakeServer, FakeVendor};
pub use harness::{Fault, Harness, Held, InfraHarness, RetryAfter, ToolHarness, Unsupported};
pub use infra::infra;
pub use proxy::Proxy;
pub use report::{Outcome, Report, Row};
pub use tool::tool;

#[cfg(test)]
mod promises;
