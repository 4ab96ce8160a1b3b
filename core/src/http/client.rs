use std::time::Duration;

/// The time limit of one request, unless the context allows less.
pub(super) const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// The HTTP client of a process, for [`Context`](crate::Context): connection pool, TLS, our user agent, limits on
/// connecting and on the whole request, and no redirects.
///
/// A service creates one at start; providers get it with their context and never create their own.
///
/// # Errors
/// When the machine's TLS roots cannot be loaded.
pub fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .user_agent(concat!("agent-pool/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(5))
        .timeout(REQUEST_LIMIT)
        .pool_idle_timeout(Duration::from_secs(50))
        .tcp_keepalive(Duration::from_secs(30))
        .redirect(reqwest::redirect::Policy::none())
        .build()
}
