//! A vendor that runs, for the examples of the HTTP kit.

use std::fmt;
use std::pin::Pin;

use serde_json::json;
use tokio::runtime::Builder;

use super::cx;
use crate::Secret;
use crate::conformance::{
    FakeRequest, FakeResponse, FakeServer, FakeVendor, Fault, Harness as _, Held,
};
use crate::http::{Api, ProviderResult, VendorHttp};

/// A vendor under the path `/v1` of an address of this machine, whose key is `sk-123`.
#[derive(Debug)]
pub struct Vendor {
    answers: Answers,
    change: fn(VendorHttp) -> VendorHttp,
    fault: Option<Fault>,
}

/// What it answers; boxed, so that it is compiled once for all examples.
struct Answers(Box<AnswerFn>);

type AnswerFn = dyn FnMut(&FakeRequest) -> Option<FakeResponse> + Send;

/// One that answers as its example says.
pub fn vendor<F>(answer: F) -> Vendor
where
    F: FnMut(&FakeRequest) -> Option<FakeResponse> + Send + 'static,
{
    Vendor {
        answers: Answers(Box::new(answer)),
        change: std::convert::identity,
        fault: None,
    }
}

/// One that answers what it is asked, as `{"asked": "GET /v1/…", "body": …}`.
#[must_use]
pub fn echo() -> Vendor {
    vendor(|asked| {
        let told = json!({ "asked": asked.to_string(), "body": asked.body() });
        Some(FakeResponse::json(200, &told))
    })
}

impl Vendor {
    /// The same, asked through what `change` makes of its API.
    #[must_use]
    pub fn with(self, change: fn(VendorHttp) -> VendorHttp) -> Self {
        Self { change, ..self }
    }

    /// The same, misbehaving.
    #[must_use]
    pub fn misbehaving(self, fault: Fault) -> Self {
        let fault = Some(fault);
        Self { fault, ..self }
    }

    /// Starts it, and runs an example that asks it in the environment `dev`.
    ///
    /// # Panics
    /// When the example fails, or this machine has no free port or no TLS roots.
    #[expect(clippy::unwrap_used, reason = "an example cannot go on without")]
    pub fn run(self, example: impl AsyncFnOnce(Api<'_>) -> ProviderResult<()>) {
        let change = self.change;
        let fake = run(self.start());
        let http = VendorHttp::new(format!("{}/v1", fake.url()).parse().unwrap());
        let http = http.bearer(&Secret::new("sk-123"), "ACME_API_KEY");
        let http = change(http.unwrap());
        run(example(http.on(&cx()))).unwrap();
    }

    #[expect(clippy::unwrap_used, reason = "an example cannot go on without")]
    async fn start(self) -> FakeServer<Answers> {
        let fake = FakeServer::start("", self.answers).await;
        if let Some(fault) = self.fault {
            fake.fault(fault).await.unwrap();
        }
        fake
    }
}

/// Runs an example that waits.
///
/// # Panics
/// When this machine has no runtime for it.
#[expect(clippy::unwrap_used, reason = "an example cannot go on without")]
pub fn run<T>(example: impl Future<Output = T>) -> T {
    let example: Pin<Box<dyn Future<Output = T> + '_>> = Box::pin(example);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(example)
}

impl FakeVendor for Answers {
    fn settings(&self, url: &str) -> Vec<(&'static str, String)> {
        vec![("API_URL", url.to_owned())]
    }

    fn respond(&mut self, asked: &FakeRequest) -> Option<FakeResponse> {
        (self.0)(asked)
    }

    fn held(&self) -> Vec<Held> {
        Vec::new()
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").finish_non_exhaustive()
    }
}
