//! Which proxy a request goes through.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock};

use hyper_util::client::proxy::matcher::Matcher;
use url::{Host, Url};

use crate::settings::Environment;

/// The proxies of `HTTP_PROXY`, `HTTPS_PROXY` and `ALL_PROXY`, with the exceptions of `NO_PROXY`.
///
/// Loopback and private addresses are never reached through a proxy, whatever these variables say: our
/// own services and instances are there, a proxy cannot reach them, and it must not see their keys. The
/// same holds for names that no public DNS has: `localhost`, names without a dot, `*.internal`, `*.local`.
///
/// ```
/// use agent_pool_core::http::Proxies;
/// use agent_pool_core::settings::Environment;
///
/// let environment = Environment::from_iter([("HTTPS_PROXY", "http://user:pass@proxy.example:3128")]);
/// let proxies = Proxies::new(&environment);
/// let name = |url: &str| proxies.name_for(&url.parse().unwrap());
/// assert_eq!(name("https://api.vendor.example").as_deref(), Some("http://proxy.example:3128"));
/// assert_eq!(name("https://10.0.0.7:3002"), None);
/// ```
#[derive(Clone)]
pub struct Proxies(Arc<Inner>);

struct Inner {
    http: Option<Url>,
    https: Option<Url>,
    /// Knows `NO_PROXY`: it intercepts what is not excepted.
    exceptions: Matcher,
}

static OF_PROCESS: LazyLock<Proxies> = LazyLock::new(|| Proxies::new(&Environment::of_process()));

impl Proxies {
    /// The proxies that these variables name. As in curl, lower case wins over upper case. A value that is
    /// not a URL is ignored.
    #[must_use]
    pub fn new(environment: &Environment) -> Self {
        let variable = |names: &[&str]| names.iter().find_map(|name| environment.get(name));
        let proxy = |names: &[&str]| {
            let text = variable(names)?;
            let url = text.parse().ok();
            url.filter(Url::has_host)
                .or_else(|| format!("http://{text}").parse().ok())
        };
        let exceptions = variable(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
        Self(Arc::new(Inner {
            http: proxy(&["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
            https: proxy(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            exceptions: Matcher::builder()
                .all("http://proxy")
                .no(exceptions.to_owned())
                .build(),
        }))
    }

    /// The proxies of this process, read once.
    #[must_use]
    pub fn of_process() -> &'static Self {
        &OF_PROCESS
    }

    /// The proxy between here and `url`, for people: without its credentials.
    #[must_use]
    pub fn name_for(&self, url: &Url) -> Option<String> {
        self.proxy_for(url).as_ref().map(name)
    }

    pub(super) fn proxy_for(&self, url: &Url) -> Option<Url> {
        let proxy = match url.scheme() {
            "https" => self.0.https.as_ref(),
            _ => self.0.http.as_ref(),
        }?;
        let uri: http::Uri = url.as_str().parse().ok()?;
        let excepted = is_private(url) || self.0.exceptions.intercept(&uri).is_none();
        (!excepted).then(|| proxy.clone())
    }
}

/// Shows no credentials.
impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies")
            .field("http", &self.0.http.as_ref().map(name))
            .field("https", &self.0.https.as_ref().map(name))
            .finish_non_exhaustive()
    }
}

fn name(proxy: &Url) -> String {
    proxy.origin().ascii_serialization()
}

/// Whether `url` is of this machine or a private network, as far as its text says. Names are not
/// resolved: behind a proxy there may be no DNS.
fn is_private(url: &Url) -> bool {
    match url.host() {
        None => true,
        Some(Host::Ipv4(address)) => is_private_v4(address),
        Some(Host::Ipv6(address)) => is_private_v6(address),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            let top = name.rsplit('.').next().unwrap_or_default();
            !name.contains('.') || ["localhost", "local", "internal"].contains(&top)
        }
    }
}

const fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    // 100.64.0.0/10 is the shared space of providers, which private networks use too.
    let is_shared = first == 100 && second & 0b1100_0000 == 64;
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_unspecified()
        || is_shared
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    match address.to_ipv4_mapped() {
        Some(mapped) => is_private_v4(mapped),
        None => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::new(&variables.iter().copied().collect())
    }

    fn name_for(proxies: &Proxies, url: &str) -> Option<String> {
        proxies.name_for(&url.parse().unwrap())
    }

    #[test]
    fn loopback_and_private_addresses_are_never_reached_through_a_proxy() {
        let proxies = proxies(&[("ALL_PROXY", "http://proxy.example:3128")]);
        for url in [
            "http://127.0.0.1:3001",
            "http://127.9.9.9",
            "http://10.1.2.3",
            "http://172.16.0.1",
            "https://192.168.1.1",
            "http://169.254.169.254",
            "http://100.64.0.1",
            "http://0.0.0.0:1",
            "http://[::1]:3002",
            "http://[fd12:3456::1]",
            "http://[fe80::1]",
            "http://[::ffff:10.0.0.1]",
            "http://localhost:3001",
            "http://api.localhost",
            "http://services-svc:3002",
            "http://services.railway.internal:3002",
            "http://printer.local.",
        ] {
            assert_eq!(name_for(&proxies, url), None, "{url}");
        }
        for url in [
            "http://8.8.8.8",
            "http://100.128.0.1",
            "http://172.32.0.1",
            "https://[2001:db8::1]",
            "https://api.vendor.example",
            "https://internal.example",
        ] {
            let name = name_for(&proxies, url);
            assert_eq!(name.as_deref(), Some("http://proxy.example:3128"), "{url}");
        }
    }

    #[test]
    fn each_scheme_has_its_proxy_and_no_proxy_holds() {
        let proxies = proxies(&[
            ("HTTP_PROXY", "plain.example:80"),
            ("http_proxy", "lower.example:3128"),
            ("HTTPS_PROXY", "http://user:hunter2@tls.example:3128"),
            ("NO_PROXY", "direct.example,203.0.113.0/24"),
        ]);
        let plain = name_for(&proxies, "http://a.example");
        assert_eq!(plain.as_deref(), Some("http://lower.example:3128"));
        let tls = name_for(&proxies, "https://a.example");
        assert_eq!(tls.as_deref(), Some("http://tls.example:3128"));
        assert_eq!(name_for(&proxies, "https://x.direct.example"), None);
        assert_eq!(name_for(&proxies, "https://203.0.113.9"), None);
        assert!(!format!("{proxies:?}").contains("hunter2"));
        let url = "https://a.example".parse().unwrap();
        let proxy = proxies.proxy_for(&url).unwrap();
        assert_eq!(proxy.password(), Some("hunter2"), "the proxy needs them");
    }
}
