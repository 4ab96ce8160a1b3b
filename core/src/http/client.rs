use std::time::Duration;

use super::Proxies;

/// The time limit of one request, unless the context allows less.
pub(super) const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// The HTTP client of a process for calls to vendors, for [`Context`](crate::Context): connection pool, TLS, our user
/// agent, and limits on connecting and on the whole request.
///
/// A service creates one at start; providers get it with their context and never create their own.
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
