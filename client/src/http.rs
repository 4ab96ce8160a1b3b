use std::time::Duration;

use agent_pool_core::http::{Proxies, client_builder};
use reqwest::Client;
use url::Url;

/// Time limit for opening a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// The connections that calls share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
    proxies: Proxies,
}

impl Http {
    /// Connections through the proxies of this process. `user_agent` is a name and a version, such as
    /// `pool-svc/0.1.0`.
    ///
    /// # Errors
    /// The machine's TLS roots cannot be loaded.
    pub fn new(user_agent: &str) -> reqwest::Result<Self> {
        Self::with_proxies(user_agent, Proxies::of_process().clone())
    }

    /// Connections through these proxies.
    ///
    /// # Errors
    /// See [`Http::new`].
    pub fn with_proxies(user_agent: &str, proxies: Proxies) -> reqwest::Result<Self> {
        let builder = client_builder(user_agent, &proxies);
        let client = builder
            .connect_timeout(CONNECT_WITHIN)
            .tcp_nodelay(true)
            .build()?;
        Ok(Self { client, proxies })
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// The proxy for `url`, without its credentials.
    pub(crate) fn proxy_name(&self, url: &Url) -> Option<String> {
        self.proxies.name_for(url)
    }
}
