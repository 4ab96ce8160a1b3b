use std::time::Duration;

use rustls::crypto::{CryptoProvider, ring};

/// How long one request may take, where the context leaves it that long.
pub(super) const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// Starts a client whose TLS works in every binary, whatever else is linked.
///
/// `reqwest` is built without a cryptography library of its own, because the default one takes half a minute of C
/// to compile; its own builder panics until one is installed. This function installs `ring` for the process, unless
/// the process chose one before.
///
/// ```
/// let client = agent_pool_core::http::client_builder().no_proxy().build()?;
/// # Ok::<(), reqwest::Error>(())
/// ```
#[must_use]
pub fn client_builder() -> reqwest::ClientBuilder {
    if CryptoProvider::get_default().is_none() {
        // It fails only if another thread was faster, and then one is installed as well.
        let _ = ring::default_provider().install_default();
    }
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
    reqwest::Client::builder()
}

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
    client_builder()
        .user_agent(concat!("agent-pool/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(5))
        .timeout(REQUEST_LIMIT)
        .pool_idle_timeout(Duration::from_secs(50))
        .tcp_keepalive(Duration::from_secs(30))
        .redirect(reqwest::redirect::Policy::none())
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_can_be_built_although_nobody_installed_a_cryptography_library() {
        assert!(client_builder().build().is_ok());
        assert!(CryptoProvider::get_default().is_some());
    }
}
