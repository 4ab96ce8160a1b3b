//! A vendor small enough to be written beside the tests of its provider: real HTTP, state in memory, and
//! every way of the conformance suite to misbehave.

mod harness;
mod server;

use agent_pool_core::conformance::Held;
use agent_pool_core::settings::Environment;
use serde_json::Value;

pub use harness::AtSmall;

/// What such a vendor holds, and how it answers; the rest is the same for all.
pub trait SmallVendor: Default + Send + 'static {
    /// The id of the tool whose provider is tried.
    const ID: &'static str;
    /// How many resources are on a page; `None` where the vendor does not page.
    const PAGE_SIZE: Option<usize> = None;
    /// The operations of a provision that change something, in their order.
    const CHANGES: &'static [&'static str];
    /// The same of a destruction.
    const REMOVALS: &'static [&'static str];
    /// The variables of an instance that are no secrets.
    const PUBLIC_ENV: &'static [&'static str] = &[];

    /// The settings of a provider that works, of a vendor at `url`.
    fn settings(url: &str) -> Environment;

    /// Checks the key and does the work. A request that the vendor does not know is a panic, which fails
    /// the test: no fake answers what it does not understand.
    fn answer(&mut self, asked: &Asked) -> Answered;

    /// What the vendor holds for instances.
    fn held(&self) -> Vec<Held>;
}

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Such as `GET`.
    pub method: String,
    /// The path's segments, decoded.
    pub path: Vec<String>,
    /// The query's pairs, decoded, in the order sent.
    pub query: Vec<(String, String)>,
    /// The headers by their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as JSON; null where there is none.
    pub body: Value,
}

impl Asked {
    /// The method and the path's segments, to match on.
    #[must_use]
    pub fn line(&self) -> (&str, Vec<&str>) {
        let path = self.path.iter().map(String::as_str).collect();
        (&self.method, path)
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        value_of(&self.headers, name)
    }

    /// The value of a query parameter.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        value_of(&self.query, name)
    }
}

fn value_of<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = pairs.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str())
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The operation, as [`SmallVendor::CHANGES`] and [`SmallVendor::REMOVALS`] name it.
    pub operation: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

impl Answered {
    /// An answer to `operation`.
    #[must_use]
    pub const fn new(operation: &'static str, status: u16, body: Value) -> Self {
        Self {
            operation,
            status,
            body,
        }
    }
}
