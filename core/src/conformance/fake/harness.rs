//! A provider at its fake, for the suite.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::sync::{Arc, MutexGuard};

use async_trait::async_trait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::FakeVendor;
use super::server::{SETTLE, Shared, start};
use crate::conformance::harness::{Fault, Harness, Held, ToolHarness, Unsupported};
use crate::registry::ToolRegistration;
use crate::settings::Environment;

/// A fake vendor that runs, and the harness of the tool that is made for it.
///
/// ```
/// # use agent_pool_core::conformance::{AtFake, FakeAnswer, FakeRequest, FakeVendor, Fault, Harness, Held};
/// # struct Acme { keys: Vec<String> }
/// # impl FakeVendor for Acme {
/// #     fn settings(&self, url: &str) -> Vec<(&'static str, String)> { vec![("ACME_API_URL", url.to_owned())] }
/// #     fn answer(&mut self, _: &FakeRequest) -> Option<FakeAnswer> { Some(FakeAnswer::empty(204)) }
/// #     fn held(&self) -> Vec<Held> {
/// #         self.keys.iter().map(|key| Held { kind: "key", label: key.clone() }).collect()
/// #     }
/// # }
/// # let ask = async |url: &str| agent_pool_core::http::client()?.get(url).send().await;
/// # agent_pool_core::doctest::run(async {
/// let acme = AtFake::start("acme", Acme { keys: Vec::new() }).await;
/// // The suite is one line, `conformance::tool(&acme).await.assert()`. A test of one's own:
/// acme.vendor().keys.push("left over".to_owned());
/// assert_eq!(acme.held().await[0].label, "left over");
/// acme.fault(Fault::Unavailable).await.unwrap();
/// let url = acme.environment().get("ACME_API_URL").unwrap().to_owned();
/// assert_eq!(ask(&url).await?.status(), 500);
/// acme.heal().await;
/// assert_eq!(ask(&url).await?.status(), 204);
/// # reqwest::Result::Ok(()) }).unwrap();
/// ```
pub struct AtFake<V> {
    tool: &'static str,
    url: String,
    address: String,
    shared: Arc<Shared<V>>,
    _running: oneshot::Sender<Infallible>,
}

impl<V: FakeVendor> AtFake<V> {
    /// Starts the fake on a free port of this machine. `tool` is the id under which the provider's crate
    /// registers itself: the test has to name the crate (`use provider_acme as _;`).
    ///
    /// # Panics
    /// When no port can be had.
    #[expect(clippy::expect_used, reason = "a test cannot go on without")]
    pub async fn start(tool: &'static str, vendor: V) -> Self {
        let started = Self::start_on(0, tool, vendor).await;
        started.expect("a port of this machine can be listened on")
    }

    /// The same on this port.
    ///
    /// ```
    /// # use agent_pool_core::conformance::{AtFake, FakeAnswer, FakeRequest, FakeVendor, Held};
    /// # struct Acme;
    /// # impl FakeVendor for Acme {
    /// #     fn settings(&self, url: &str) -> Vec<(&'static str, String)> { vec![("ACME_API_URL", url.to_owned())] }
    /// #     fn answer(&mut self, _: &FakeRequest) -> Option<FakeAnswer> { None }
    /// #     fn held(&self) -> Vec<Held> { Vec::new() }
    /// # }
    /// # agent_pool_core::doctest::run(async {
    /// // `cargo run --example fake`: the same address each time, for a system that is tried by hand.
    /// # let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let port = taken.local_addr()?.port();
    /// let error = AtFake::start_on(port, "acme", Acme).await.err().unwrap();
    /// assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    /// # std::io::Result::Ok(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// When the port cannot be had.
    pub async fn start_on(port: u16, tool: &'static str, vendor: V) -> io::Result<Self> {
        let shared = Shared::new(vendor);
        let (address, running) = start(Arc::clone(&shared), port).await?;
        Ok(Self {
            tool,
            url: format!("http://{address}"),
            address: address.to_string(),
            shared,
            _running: running,
        })
    }

    /// Where the fake is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The vendor, to look into it and to change what it holds.
    pub fn vendor(&self) -> MutexGuard<'_, V> {
        self.shared.vendor()
    }
}

impl<V> fmt::Debug for AtFake<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtFake")
            .field("tool", &self.tool)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl<V: FakeVendor> Harness for AtFake<V> {
    fn environment(&self) -> Environment {
        self.vendor().settings(&self.url).into_iter().collect()
    }

    async fn held(&self) -> Vec<Held> {
        self.vendor().held()
    }

    fn page_size(&self) -> Option<usize> {
        self.vendor().page_size()
    }

    fn changes(&self) -> &'static [&'static str] {
        self.vendor().changes()
    }

    fn removals(&self) -> &'static [&'static str] {
        self.vendor().removals()
    }

    async fn fault(&self, fault: Fault) -> Result<(), Unsupported> {
        self.shared.fault.send_replace(Some(fault));
        Ok(())
    }

    async fn heal(&self) {
        self.shared.fault.send_replace(None);
    }

    /// One thread serves in the order in which something came: what is asked now, on a connection of its
    /// own, is answered after all that was sent before.
    #[expect(clippy::expect_used, reason = "a test cannot go on without")]
    async fn settle(&self) {
        let asked = format!("GET {SETTLE} HTTP/1.1\r\nhost: fake\r\nconnection: close\r\n\r\n");
        let answered = async {
            let mut stream = TcpStream::connect(&self.address).await?;
            stream.write_all(asked.as_bytes()).await?;
            stream.read_to_end(&mut Vec::new()).await
        };
        answered.await.expect("the fake runs");
    }
}

#[async_trait]
impl<V: FakeVendor> ToolHarness for AtFake<V> {
    #[expect(clippy::panic, reason = "a test cannot go on without")]
    fn registration(&self) -> ToolRegistration {
        let mut linked = inventory::iter::<ToolRegistration>.into_iter();
        let ours = linked.find(|one| one.id == self.tool);
        let tool = self.tool;
        *ours.unwrap_or_else(|| {
            panic!("no crate registers the tool {tool:?}: the test names it, as in `use provider_{tool} as _;`")
        })
    }

    fn public_env(&self) -> &'static [&'static str] {
        self.vendor().public_env()
    }
}
