//! The HTTP client, made when it is first needed: its certificates cost time and memory that an idle
//! instance does not have to spend.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;

#[derive(Default)]
pub(crate) struct LazyClient(OnceLock<Client>);

impl LazyClient {
    pub(crate) fn get(&self) -> Result<&Client, reqwest::Error> {
        if let Some(client) = self.0.get() {
            return Ok(client);
        }
        let client = agent_pool_core::http::bare_builder()
            .user_agent(concat!("agent-runtime/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(10))
            .redirect(Policy::none())
            .build()?;
        Ok(self.0.get_or_init(|| client))
    }
}
