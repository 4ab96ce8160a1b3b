//! Which addresses messages may be sent to: public ones, unless private ones are allowed.
//!
//! A name may resolve to another address each time, so the check is made at connection time: the client connects only
//! to addresses that [`CheckedResolver`] returned.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use agent_pool_core::Secret;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Which addresses messages may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Public,
    /// Private, loopback and link-local addresses too, and without TLS.
    Anywhere,
}

impl Reach {
    /// The URL of an endpoint, if its text alone allows messages there.
    pub(crate) fn parse(self, text: &Secret) -> Result<Url, String> {
        let url: Url = text
            .expose()
            .parse()
            .map_err(|_| "is not a URL".to_owned())?;
        match (url.scheme(), self) {
            ("https", _) | ("http", Self::Anywhere) => {}
            ("http", Self::Public) => {
                return Err("must be https, unless POOL_WEBHOOK_PRIVATE_TARGETS is true".to_owned());
            }
            _ => return Err("must be an https URL".to_owned()),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not contain a user or a password".to_owned());
        }
        match url.host() {
            Some(Host::Ipv4(address)) => self.check(address.into())?,
            Some(Host::Ipv6(address)) => self.check(address.into())?,
            Some(Host::Domain(_)) => {}
            None => return Err("has no host".to_owned()),
        }
        Ok(url)
    }

    fn check(self, address: IpAddr) -> Result<(), String> {
        if self == Self::Anywhere || is_public(address) {
            return Ok(());
        }
        Err(format!(
            "leads to {address}, which is not a public address; POOL_WEBHOOK_PRIVATE_TARGETS=true allows it"
        ))
    }
}

/// Resolves names, and refuses a name if any of its addresses is not allowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct CheckedResolver(pub(super) Reach);

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.collect();
            for address in &found {
                reach.check(address.ip()).map_err(io::Error::other)?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Whether an address belongs to the public Internet, after the registries of special addresses of IANA.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match embedded_v4(address) {
            Some(embedded) => is_public_v4(embedded),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || a == 0
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b));
    !special
}

/// The address behind one that is translated to IPv4: mapped, NAT64 or 6to4.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match (a, b) {
        (0, 0) if (c, d, e) == (0, 0, 0) && f == 0xffff => Some(v4(g, h)),
        (0x64, 0xff9b) => Some(v4(g, h)),
        (0x2002, _) => Some(v4(b, c)),
        _ => None,
    }
}

/// Only `2000::/3` is public, except for the ranges of protocols and of documentation.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let special = match a {
        0x2001 => b < 0x0200 || b == 0x0db8,
        _ => a == 0x3fff,
    };
    (0x2000..0x4000).contains(&a) && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_public_are_refused() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.8",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fc00::1",
            "fe80::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
            assert!(Reach::Anywhere.check(address.parse().unwrap()).is_ok());
        }
        for address in [
            "1.1.1.1",
            "100.128.0.1",
            "2606:4700::1111",
            "64:ff9b::101:101",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_url_that_leads_inside_or_says_too_much_is_refused() {
        let parse = |text: &str| Reach::Public.parse(&Secret::new(text));
        for text in [
            "",
            "hook",
            "http://example.com/",
            "ftp://example.com/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://me@example.com/",
            "https://me:pw@example.com/",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("https://example.com/hook?token=x").is_ok());
        assert!(
            Reach::Anywhere
                .parse(&Secret::new("http://127.0.0.1:9/"))
                .is_ok()
        );
    }

    #[tokio::test]
    async fn a_name_that_resolves_to_this_machine_is_refused() {
        let resolve = |reach| CheckedResolver(reach).resolve("localhost".parse().unwrap());
        let refused = resolve(Reach::Public).await.err().unwrap();
        assert!(
            refused.to_string().contains("not a public address"),
            "{refused}"
        );
        assert!(resolve(Reach::Anywhere).await.is_ok());
    }
}
