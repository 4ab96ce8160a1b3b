use std::sync::MutexGuard;

use agent_pool_core::conformance::{Fault, Harness, Held, ToolHarness, Unsupported};
use agent_pool_core::http;
use agent_pool_core::registry::ToolRegistration;
use agent_pool_core::settings::Environment;
use async_trait::async_trait;

use super::SmallVendor;
use super::server::Server;
use crate::registration;

/// The harness of a tool whose vendor is a [`SmallVendor`]. The provider's crate has to be linked.
///
/// ```ignore
/// conformance::tool(&AtSmall::<AcmeFake>::start().await).await.assert();
/// ```
#[derive(Debug)]
pub struct AtSmall<V> {
    server: Server<V>,
    http: reqwest::Client,
}

impl<V: SmallVendor> AtSmall<V> {
    /// Serves a vendor that holds nothing, on a port of its own.
    pub async fn start() -> Self {
        Self {
            server: Server::start().await,
            http: http::client().unwrap(),
        }
    }

    /// The vendor, to look into it or to change it.
    pub fn vendor(&self) -> MutexGuard<'_, V> {
        self.server.vendor()
    }
}

#[async_trait]
impl<V: SmallVendor> Harness for AtSmall<V> {
    fn environment(&self) -> Environment {
        V::settings(&format!("http://{}", self.server.address))
    }

    async fn held(&self) -> Vec<Held> {
        self.vendor().held()
    }

    fn page_size(&self) -> Option<usize> {
        V::PAGE_SIZE
    }

    fn changes(&self) -> &'static [&'static str] {
        V::CHANGES
    }

    fn removals(&self) -> &'static [&'static str] {
        V::REMOVALS
    }

    async fn fault(&self, fault: Fault) -> Result<(), Unsupported> {
        self.server.set_fault(Some(fault));
        Ok(())
    }

    async fn heal(&self) {
        self.server.set_fault(None);
    }

    /// What is asked now, on a connection of its own, is answered after all that was sent before.
    async fn settle(&self) {
        let asked = self.http.get(format!("http://{}", self.server.address));
        let asked = asked.header("connection", "close").header(SETTLE, "1");
        asked.send().await.unwrap().bytes().await.unwrap();
    }
}

/// Marks a request that is the harness's own and not for the vendor.
pub(super) const SETTLE: &str = "x-settle";

impl<V: SmallVendor> ToolHarness for AtSmall<V> {
    fn registration(&self) -> ToolRegistration {
        registration(V::ID)
    }

    fn public_env(&self) -> &'static [&'static str] {
        V::PUBLIC_ENV
    }
}
