//! Which proxy a request goes through.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock};

use hyper_util::client::proxy::matcher::Matcher;
use tracing::warn;
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
    exceptions: Exceptions,
}

static OF_PROCESS: LazyLock<Proxies> = LazyLock::new(|| Proxies::new(&Environment::of_process()));

impl Proxies {
    /// The variables that are read.
    pub const VARIABLES: [&str; 8] = [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
        "no_proxy",
        "NO_PROXY",
    ];

    /// The proxies that these variables name. As in curl, lower case wins over upper case. A value that is not a URL
    /// is ignored. A URL with another scheme than `http` and `https`, such as `socks5`, is ignored with a warning.
    #[must_use]
    pub fn new(environment: &Environment) -> Self {
        let variable = |names: &[&str]| names.iter().find_map(|name| environment.get(name));
        let proxy = |names: &[&str]| {
            let text = variable(names)?.trim();
            let url = text.parse().ok().filter(Url::has_host);
            let url = url.or_else(|| format!("http://{text}").parse().ok())?;
            if matches!(url.scheme(), "http" | "https") {
                return Some(url);
            }
            let (scheme, names) = (url.scheme(), names.join(", "));
            warn!("{names}: a proxy of the scheme {scheme} is not supported and ignored; use http");
            None
        };
        let exceptions = variable(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
        Self(Arc::new(Inner {
            http: proxy(&["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
            https: proxy(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            exceptions: Exceptions::parse(exceptions),
        }))
    }

    /// The proxies of this process, read once.
    #[must_use]
    pub fn of_process() -> &'static Self {
        &OF_PROCESS
    }

    /// The proxy for `url`, for display: without its credentials.
    #[must_use]
    pub fn name_for(&self, url: &Url) -> Option<String> {
        self.proxy_for(url).as_ref().map(name)
    }

    /// The proxy for `url`, with its credentials: for clients of providers that do not use [`client`](super::client()).
    #[must_use]
    pub fn proxy_for(&self, url: &Url) -> Option<Url> {
        let proxy = match url.scheme() {
            "https" => self.0.https.as_ref(),
            _ => self.0.http.as_ref(),
        }?;
        let excepted = is_private(url) || self.0.exceptions.has(url);
        (!excepted).then(|| proxy.clone())
    }
}

/// `NO_PROXY`: domain names including their subdomains, addresses, networks such as `10.0.0.0/8`, and `*` for
/// everything, separated by commas or blanks. An entry with a port applies to that port only.
struct Exceptions(Vec<(Option<u16>, Matcher)>);

impl Exceptions {
    fn parse(text: &str) -> Self {
        let entries = text.split(|c: char| c == ',' || c.is_whitespace());
        let parsed = entries.filter(|entry| !entry.is_empty()).map(|entry| {
            let (host, port) = split_port(entry);
            let host = host.trim_end_matches('.').to_lowercase();
            // Some programs write `*.example` for all subdomains of `example`.
            let host = match host.strip_prefix('*') {
                Some(below) if below.starts_with('.') => below.to_owned(),
                _ => host,
            };
            let matcher = Matcher::builder().all("http://proxy").no(host).build();
            (port, matcher)
        });
        Self(parsed.collect())
    }

    fn has(&self, url: &Url) -> bool {
        let Ok(uri) = url.as_str().parse::<http::Uri>() else {
            return true;
        };
        let port = url.port_or_known_default();
        let mut entries = self.0.iter();
        // The matcher intercepts every URL except those of the entry.
        entries.any(|(of_port, matcher)| {
            (of_port.is_none() || *of_port == port) && matcher.intercept(&uri).is_none()
        })
    }
}

/// `host:1`, `[::1]:1` and hosts without a port. An IPv6 address without brackets has none.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    if let Some((host, after)) = entry
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        return (
            host,
            after.strip_prefix(':').and_then(|port| port.parse().ok()),
        );
    }
    match entry.split_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => (host, port.parse().ok()),
        _ => (entry, None),
    }
}

/// Omits the credentials.
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

/// Whether `url` names this machine or a private network, according to its text. Names are not resolved: behind a
/// proxy there may be no DNS.
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
    // 100.64.0.0/10 is the shared address space of providers, which private networks also use.
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
    fn no_proxy_has_names_networks_and_ports_in_any_spelling() {
        for (exceptions, direct, through) in [
            (
                "198.51.100.0/24",
                "http://198.51.100.9",
                "http://198.51.101.9",
            ),
            (
                "2001:db8::/32",
                "http://[2001:db8::1]",
                "http://[2001:db9::1]",
            ),
            (
                "[2001:db8::1]:8443",
                "https://[2001:db8::1]:8443",
                "https://[2001:db8::1]",
            ),
            (
                "api.example:8443",
                "https://api.example:8443",
                "https://api.example",
            ),
            (
                "api.example:443",
                "https://api.example",
                "http://api.example",
            ),
            (
                "*.vendor.example",
                "http://a.vendor.example",
                "http://vendor.other",
            ),
            (
                ".vendor.example",
                "http://a.vendor.example",
                "http://avendor.example",
            ),
            (
                "API.Example.",
                "http://api.example",
                "http://api.example.org",
            ),
            (
                "one.example two.example",
                "http://two.example",
                "http://three.example",
            ),
            (
                " one.example , two.example ,",
                "http://one.example",
                "http://three.example",
            ),
        ] {
            let proxies = proxies(&[("all_proxy", "proxy.example:1"), ("no_proxy", exceptions)]);
            assert_eq!(name_for(&proxies, direct), None, "{exceptions}");
            assert!(name_for(&proxies, through).is_some(), "{exceptions}");
        }
        let none = proxies(&[("ALL_PROXY", "proxy.example:1"), ("NO_PROXY", "*")]);
        assert_eq!(name_for(&none, "http://a.example"), None);
    }

    #[test]
    fn a_proxy_that_does_not_speak_http_is_ignored() {
        for proxy in ["socks5://proxy.example:1080", "socks5h://u:p@proxy.example"] {
            let proxies = proxies(&[("ALL_PROXY", proxy)]);
            assert_eq!(name_for(&proxies, "https://a.example"), None, "{proxy}");
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
