//! This machine: environment and limits that affect services running here.

use std::net::{Ipv6Addr, TcpListener};
use std::time::Duration;

use agent_pool_core::settings::Environment;
use nix::sys::resource::{Resource, getrlimit};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use url::Url;

use super::check::Checks;

/// The proxy variables of HTTP clients, in both spellings.
const PROXIES: [&str; 3] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
/// Time limit for a proxy to accept a connection.
const PROXY_LIMIT: Duration = Duration::from_secs(3);
/// Fewer descriptors than this are used up by a few hundred slow clients.
const FEW_DESCRIPTORS: u64 = 1_024;

pub(super) async fn check(environment: &Environment) -> Checks {
    let mut checks = Checks::new("machine");
    descriptors(&mut checks);
    ipv6(&mut checks);
    for variable in ["POOL_SVC_HOST", "SERVICES_SVC_HOST", "HOST"] {
        if let Some(host) = environment.get(variable) {
            listen_address(&mut checks, variable, host).await;
        }
    }
    proxies(&mut checks, environment).await;
    checks
}

fn descriptors(checks: &mut Checks) {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return checks.skip("descriptors", "the limit cannot be read", "run: ulimit -n");
    };
    let found = format!("{soft} open files per process");
    if soft < FEW_DESCRIPTORS {
        let todo = format!(
            "raise it where the services start: `ulimit -n {}`, or LimitNOFILE in a systemd unit",
            hard.min(65_536)
        );
        return checks.warn("descriptors", found, &todo);
    }
    checks.ok("descriptors", found);
}

fn ipv6(checks: &mut Checks) {
    match TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        Ok(_) => checks.ok("IPv6", "available"),
        Err(error) => checks.warn(
            "IPv6",
            format!("not available ({error}): services here listen on IPv4 only"),
            "nothing, unless clients use IPv6, as in Railway's private network",
        ),
    }
}

/// A value that another program has set, as conda does with HOST, is not an address.
async fn listen_address(checks: &mut Checks, variable: &str, host: &str) {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if lookup_host((bare, 0)).await.is_ok() {
        return checks.ok(variable, format!("{host} is an address"));
    }
    checks.warn(
        variable,
        format!("{host:?} is not an address, so the services ignore it"),
        &format!("unset {variable} if another program set it, or set it to an address"),
    );
}

async fn proxies(checks: &mut Checks, environment: &Environment) {
    let mut any = false;
    for upper in PROXIES {
        let lower = upper.to_lowercase();
        for variable in [upper, lower.as_str()] {
            if let Some(value) = environment.get(variable) {
                any = true;
                proxy(checks, variable, value).await;
            }
        }
    }
    if !any {
        checks.ok("proxy", "none is set: vendors are called directly");
    }
}

/// The URL of a proxy may contain a password, so only its host and port are shown.
async fn proxy(checks: &mut Checks, variable: &str, value: &str) {
    // Clients accept an address without a scheme.
    let url = Url::parse(value).ok().filter(Url::has_host);
    let url = url.or_else(|| Url::parse(&format!("http://{value}")).ok());
    let address = url.as_ref().and_then(|url| {
        let port = url.port_or_known_default().unwrap_or(1_080);
        Some((url.host_str()?.to_owned(), port))
    });
    let Some((host, port)) = address else {
        let todo = "set it to an address such as http://proxy.example:3128, or unset it";
        return checks.fail(variable, "is not the address of a proxy", todo);
    };
    let at = format!("{host}:{port}");
    if let Some(url) = url.filter(|url| !matches!(url.scheme(), "http" | "https")) {
        let found = format!("a proxy with the scheme {} is ignored", url.scheme());
        let todo = format!("set {variable} to the address of an HTTP proxy, or unset it");
        return checks.warn(variable, found, &todo);
    }
    match timeout(PROXY_LIMIT, TcpStream::connect((host.as_str(), port))).await {
        Ok(Ok(_)) => checks.warn(
            variable,
            format!("calls to vendors go through the proxy at {at}"),
            "nothing, if that is intended; list hosts to call directly in NO_PROXY",
        ),
        Ok(Err(error)) => unreachable(checks, variable, &at, &error.to_string()),
        Err(_) => unreachable(checks, variable, &at, "no answer"),
    }
}

fn unreachable(checks: &mut Checks, variable: &str, at: &str, why: &str) {
    let found =
        format!("the proxy at {at} cannot be reached ({why}), and so no vendor can be reached");
    checks.fail(
        variable,
        found,
        &format!("unset {variable}, or start the proxy"),
    );
}
