use std::sync::LazyLock;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::Proxies;

/// The time limit of one request, unless the context allows less.
pub(super) const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// TLS settings of every client of the process. The machine's roots are read only once, because this takes longer
/// than all other steps of building a client. `None` if they cannot be read: building a client reports the error.
/// that makes a client. `None` if they cannot be read: making a client reports that.
static TLS: LazyLock<Option<ClientConfig>> = LazyLock::new(|| {
    let verified = ClientConfig::builder().with_platform_verifier();
    let mut config = verified.ok()?.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Some(config)
});

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

/// The common settings of our clients: keep-alive connections, these proxies, and no redirects, because a redirect
/// would send the key to another host.
pub fn client_builder(user_agent: &str, proxies: &Proxies) -> reqwest::ClientBuilder {
    let proxies = proxies.clone();
    bare_builder()
        .user_agent(user_agent)
        .pool_idle_timeout(Duration::from_secs(50))
        .tcp_keepalive(Duration::from_secs(30))
        .redirect(reqwest::redirect::Policy::none())
        .proxy(reqwest::Proxy::custom(move |url| proxies.proxy_for(url)))
}

/// A client builder whose TLS works in every binary, whatever else is linked, with no other settings.
///
/// `reqwest` is built without a cryptography library of its own, because the default one takes half a minute of C
/// to compile; its own builder panics until one is installed. This function installs `ring` for the process, unless
/// the process chose one before.
pub fn bare_builder() -> reqwest::ClientBuilder {
    if CryptoProvider::get_default().is_none() {
        // This fails only if another thread installed one first.
        let _ = ring::default_provider().install_default();
    }
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
    let builder = reqwest::Client::builder();
    match &*TLS {
        Some(config) => builder.tls_backend_preconfigured(config.clone()),
        None => builder,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_can_be_built_although_nobody_installed_a_cryptography_library() {
        assert!(bare_builder().build().is_ok());
        assert!(CryptoProvider::get_default().is_some());
    }
}
