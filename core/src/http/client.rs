use std::time::Duration;

use super::Proxies;

/// How long one request may take, where the context leaves it that long.
pub(super) const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// The one client of a process for calls to vendors, for [`Context`](crate::Context): pooled connections,
/// TLS, our user agent, and limits on connecting and on the whole request.
///
/// ```
/// use agent_pool_core::{Context, Mark, http};
///
/// // A service makes one at its start; a provider finds it in its context and makes none.
/// let cx = Context::new(Mark::new(&"dev".parse()?), http::client()?);
/// assert_eq!(cx.remaining(), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the machine's TLS roots cannot be loaded.
pub fn client() -> reqwest::Result<reqwest::Client> {
    let user_agent = concat!("agent-pool/", env!("CARGO_PKG_VERSION"));
    client_builder(user_agent, Proxies::of_process())
        .connect_timeout(Duration::from_secs(5))
        .timeout(REQUEST_LIMIT)
        .build()
}

/// What every client of ours has: kept-alive connections, these proxies, and no redirects, because a
/// redirect would carry the key to another host.
pub fn client_builder(user_agent: &str, proxies: &Proxies) -> reqwest::ClientBuilder {
    let proxies = proxies.clone();
    reqwest::Client::builder()
        .user_agent(user_agent)
        .pool_idle_timeout(Duration::from_secs(50))
        .tcp_keepalive(Duration::from_secs(30))
        .redirect(reqwest::redirect::Policy::none())
        .proxy(reqwest::Proxy::custom(move |url| proxies.proxy_for(url)))
}
