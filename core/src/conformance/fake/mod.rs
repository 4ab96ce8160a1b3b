//! A vendor of HTTP that a provider's tests bring along: what it knows is the author's, how it misbehaves
//! is the same for all.

mod exchange;
mod harness;
mod server;

use super::harness::Held;

pub use exchange::{FakeAnswer, FakeRequest};
pub use harness::AtFake;

/// One vendor's API over HTTP, as little of it as the provider uses, with what it holds.
///
/// ```
/// use agent_pool_core::conformance::{FakeAnswer, FakeRequest, FakeVendor, Held};
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
///     fn answer(&mut self, asked: &FakeRequest) -> Option<FakeAnswer> {
///         if asked.bearer() != Some("sk-good") {
///             return Some(FakeAnswer::json(401, &json!({ "error": "no such key" })));
///         }
///         match (asked.method(), &asked.path()[..]) {
///             ("GET", ["keys"]) => Some(FakeAnswer::json(200, &json!({ "keys": self.keys }))),
///             ("DELETE", ["keys", name]) => {
///                 self.keys.retain(|key| key != name);
///                 Some(FakeAnswer::empty(204))
///             }
///             _ => None,
///         }
///     }
///
///     fn held(&self) -> Vec<Held> {
///         let labels = self.keys.iter().cloned();
///         labels.map(|label| Held { kind: "key", label }).collect()
///     }
///
///     // What follows is for a vendor that is not as the defaults have it.
///     fn page_size(&self) -> Option<usize> {
///         Some(5)
///     }
///
///     fn changes(&self) -> &'static [&'static str] {
///         &["POST /keys", "PUT /keys"] // it is made, then given a limit
///     }
///
///     fn removals(&self) -> &'static [&'static str] {
///         &["DELETE /keys"]
///     }
///
///     fn public_env(&self) -> &'static [&'static str] {
///         &["ACME_ACCOUNT"]
///     }
/// }
///
/// let mut acme = Acme { keys: vec!["a".to_owned()] };
/// let asked = FakeRequest::new("DELETE", "/keys/a").with_bearer("sk-good");
/// assert_eq!(acme.answer(&asked), Some(FakeAnswer::empty(204)));
/// assert!(acme.held().is_empty());
/// ```
pub trait FakeVendor: Send + 'static {
    /// The settings of a provider that works with the fake at `url`. A secret one has a value that occurs
    /// nowhere else: the suite looks for it in all that is shown.
    fn settings(&self, url: &str) -> Vec<(&'static str, String)>;

    /// Answers one request, with its effect; `None` where the vendor has no such call, which fails the
    /// test that asked for it.
    fn answer(&mut self, asked: &FakeRequest) -> Option<FakeAnswer>;

    /// Everything that it holds.
    fn held(&self) -> Vec<Held>;

    /// How many resources it lists on one page; `None` where it does not page.
    fn page_size(&self) -> Option<usize> {
        None
    }

    /// What begins the requests that change something in one provision, in their order, such as
    /// `POST /keys`; see [`Harness::changes`](super::Harness::changes).
    fn changes(&self) -> &'static [&'static str] {
        &["POST"]
    }

    /// The same of one destruction.
    fn removals(&self) -> &'static [&'static str] {
        &["DELETE"]
    }

    /// The variables of an instance whose values are no secrets.
    fn public_env(&self) -> &'static [&'static str] {
        &[]
    }
}
