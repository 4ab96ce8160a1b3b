//! An in-memory vendor with an HTTP API, for a provider's tests. The author of the test writes the API; the faults
//! are the same for all vendors.

mod instance;
mod message;
mod running;
mod server;

use super::harness::Held;
use crate::{EnvVars, ProvisionedTool};

pub use instance::FakeInstance;
pub use message::{FakeRequest, FakeResponse};
pub use running::FakeServer;
pub(super) use server::fault_response;

/// One vendor's API, as much of it as the provider uses, and the resources that it holds.
///
/// ```
/// use agent_pool_core::conformance::{FakeResponse, FakeRequest, FakeVendor, Held};
/// use serde_json::json;
///
/// #[derive(Default)]
/// struct Acme {
///     keys: Vec<String>,
/// }
///
/// impl FakeVendor for Acme {
///     fn settings(&self, url: &str) -> Vec<(&'static str, String)> {
///         vec![("ACME_API_URL", url.to_owned()), ("ACME_API_KEY", "sk-good".to_owned())]
///     }
///
///     fn respond(&mut self, request: &FakeRequest) -> Option<FakeResponse> {
///         if request.bearer() != Some("sk-good") {
///             return Some(FakeResponse::json(401, &json!({ "error": "no such key" })));
///         }
///         match (request.method(), &request.path()[..]) {
///             ("GET", ["keys"]) => Some(FakeResponse::json(200, &json!({ "keys": self.keys }))),
///             ("DELETE", ["keys", name]) => {
///                 self.keys.retain(|key| key != name);
///                 Some(FakeResponse::empty(204))
///             }
///             _ => None,
///         }
///     }
///
///     fn held(&self) -> Vec<Held> {
///         let labels = self.keys.iter().cloned();
///         labels.map(|label| Held { kind: "key", label }).collect()
///     }
/// }
///
/// let mut acme = Acme { keys: vec!["a".to_owned()] };
/// let request = FakeRequest::new("DELETE", "/keys/a").with_bearer("sk-good");
/// assert_eq!(acme.respond(&request), Some(FakeResponse::empty(204)));
/// assert!(acme.held().is_empty());
/// ```
pub trait FakeVendor: Send + 'static {
    /// The settings of a working provider for the fake at `url`. A secret setting needs a value that occurs nowhere
    /// else: the suite searches for it in all output.
    fn settings(&self, url: &str) -> Vec<(&'static str, String)>;

    /// Answers one request and applies its effect. `None` if the vendor has no such call: the provider then gets a 400,
    /// which fails the test.
    fn respond(&mut self, request: &FakeRequest) -> Option<FakeResponse>;

    /// Every resource that the vendor holds.
    fn held(&self) -> Vec<Held>;

    /// Number of resources on one page of the vendor's list; `None` if it has no pages.
    fn page_size(&self) -> Option<usize> {
        None
    }

    /// The start of each request that changes something in one provision, in order, such as `POST /keys`; see
    /// [`Harness::changes`](super::Harness::changes).
    fn changes(&self) -> &'static [&'static str] {
        &["POST"]
    }

    /// Like [`Self::changes`], for one destruction.
    fn removals(&self) -> &'static [&'static str] {
        &["DELETE"]
    }

    /// Whether an instance can use the tool: the resource is ready, and the credentials in `tool.env` are its own.
    /// `Err` says why not; `None` if the fake cannot tell, and then the case `usable` does not run.
    fn usable(&self, _tool: &ProvisionedTool) -> Option<Result<(), String>> {
        None
    }

    /// For an infra: every deployment of one service so far, oldest first, each as the variables that it started
    /// with. `None` if the fake does not know.
    fn deployments(&self, _service: &str) -> Option<Vec<EnvVars>> {
        None
    }

    /// For an infra: the state inside the instance of a service. `None` if the fake has none, and then the cases that
    /// need it do not run.
    /// not run.
    fn instance(&mut self, _service: &str) -> Option<&mut FakeInstance> {
        None
    }

    /// The instance's variables whose values are not secret.
    fn public_env(&self) -> &'static [&'static str] {
        &[]
    }
}
