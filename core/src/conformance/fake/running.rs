//! A running fake vendor, which is the harness of its provider.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::sync::{Arc, MutexGuard};

use async_trait::async_trait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::server::{SETTLE, Shared, start};
use super::{FakeInstance, FakeVendor};
use crate::conformance::harness::{Fault, Harness, Held, InfraHarness, ToolHarness, Unsupported};
use crate::registry::{InfraRegistration, ToolRegistration};
use crate::settings::Environment;
use crate::{EnvVars, InfraHandle, ProvisionedTool};

/// A fake vendor that serves HTTP, and the harness of the tool or infra for that vendor.
pub struct FakeServer<V> {
    id: &'static str,
    url: String,
    address: String,
    shared: Arc<Shared<V>>,
    _running: oneshot::Sender<Infallible>,
}

impl<V: FakeVendor> FakeServer<V> {
    /// Starts the fake on a free local port. `id` is the one that the provider's crate registers; the test must name
    /// the crate (`use provider_acme as _;`), otherwise it is not linked.
    ///
    /// # Panics
    /// When no port is free.
    #[expect(clippy::expect_used, reason = "a test cannot continue without it")]
    pub async fn start(id: &'static str, vendor: V) -> Self {
        let started = Self::start_on(0, id, vendor).await;
        started.expect("a local port is free")
    }

    /// Starts the fake on this port, for a system that is started manually.
    ///
    /// # Errors
    /// When the port is in use.
    pub async fn start_on(port: u16, id: &'static str, vendor: V) -> io::Result<Self> {
        let shared = Shared::new(vendor);
        let (address, running) = start(Arc::clone(&shared), port).await?;
        Ok(Self {
            id,
            url: format!("http://{address}"),
            address: address.to_string(),
            shared,
            _running: running,
        })
    }

    /// The fake's URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The vendor, to read or change its resources.
    pub fn vendor(&self) -> MutexGuard<'_, V> {
        self.shared.vendor()
    }
}

impl<V> fmt::Debug for FakeServer<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeServer")
            .field("id", &self.id)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl<V: FakeVendor> Harness for FakeServer<V> {
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

    /// One thread serves requests in the order of their arrival, so a request on a new connection is answered after all
    /// earlier ones.
    #[expect(clippy::expect_used, reason = "a test cannot continue without it")]
    async fn settle(&self) {
        let request = format!("GET {SETTLE} HTTP/1.1\r\nhost: fake\r\nconnection: close\r\n\r\n");
        let exchange = async {
            let mut stream = TcpStream::connect(&self.address).await?;
            stream.write_all(request.as_bytes()).await?;
            stream.read_to_end(&mut Vec::new()).await
        };
        exchange.await.expect("the fake runs");
    }
}

#[async_trait]
impl<V: FakeVendor> ToolHarness for FakeServer<V> {
    fn registration(&self) -> ToolRegistration {
        *registered(self.id, |one: &ToolRegistration| one.id)
    }

    async fn usable(&self, tool: &ProvisionedTool) -> Option<Result<(), String>> {
        self.vendor().usable(tool)
    }

    fn public_env(&self) -> &'static [&'static str] {
        self.vendor().public_env()
    }
}

#[async_trait]
impl<V: FakeVendor> InfraHarness for FakeServer<V> {
    fn registration(&self) -> InfraRegistration {
        *registered(self.id, |one: &InfraRegistration| one.id)
    }

    async fn deployments(&self, handle: &InfraHandle) -> Option<Vec<EnvVars>> {
        self.vendor().deployments(handle.service.as_str())
    }

    async fn write_data(&self, handle: &InfraHandle, text: &str) -> Result<(), Unsupported> {
        self.with_instance(handle, |instance| instance.data = Some(text.to_owned()))
    }

    async fn read_data(&self, handle: &InfraHandle) -> Result<Option<String>, Unsupported> {
        self.with_instance(handle, |instance| instance.data.clone())
    }

    fn other_image(&self) -> Result<&'static str, Unsupported> {
        Ok("registry.example/other:2")
    }

    async fn running_image(&self, handle: &InfraHandle) -> Result<String, Unsupported> {
        self.with_instance(handle, |instance| instance.image.clone())
    }

    async fn end(&self, handle: &InfraHandle) -> Result<(), Unsupported> {
        self.with_instance(handle, |instance| instance.has_ended = true)
    }

    async fn write_line(&self, handle: &InfraHandle) -> Result<String, Unsupported> {
        let line = "a line of the conformance suite";
        self.with_instance(handle, |instance| instance.lines.push(line.to_owned()))?;
        Ok(line.to_owned())
    }
}

impl<V: FakeVendor> FakeServer<V> {
    fn with_instance<T>(
        &self,
        handle: &InfraHandle,
        look: impl FnOnce(&mut FakeInstance) -> T,
    ) -> Result<T, Unsupported> {
        let mut vendor = self.vendor();
        let instance = vendor.instance(handle.service.as_str());
        let none = Unsupported("the fake has no `instance` of this service");
        instance.map(look).ok_or(none)
    }
}

/// The registration of the provider `id`.
#[expect(clippy::panic, reason = "a test cannot continue without it")]
fn registered<R: inventory::Collect>(id: &str, id_of: fn(&R) -> &'static str) -> &'static R {
    let mut linked = inventory::iter::<R>.into_iter();
    linked.find(|one| id_of(one) == id).unwrap_or_else(|| {
        panic!(
            "no linked crate registers {id:?}: name it in the test, as in `use provider_{id} as _;`"
        )
    })
}
