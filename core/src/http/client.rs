use std::time::Duration;

/// How long one request may take, where the context leaves it that long.
pub(super) const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// The one client of a process, for [`Context`](crate::Context): pooled connections, TLS, our user agent,
/// limits on connecting and on the whole request, and no redirects.
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
    reqwest::Client::builder()
        .user_agent(concat!("agent-pool/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(5))
        .timeout(REQUEST_LIMIT)
        .pool_idle_timeout(Duration::from_secs(50))
        .tcp_keepalive(Duration::from_secs(30))
        .redirect(reqwest::redirect::Policy::none())
        .build()
}
