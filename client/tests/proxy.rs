//! Tests of calls to our own APIs behind a forward proxy.

#![cfg(test)]

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use agent_pool_client::{Http, Services};
use agent_pool_core::http::Proxies;
use agent_pool_core::{InstanceId, Secret};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;

const REGISTRY: &str = r#"{"infra":[],"tools":[]}"#;

/// A server that answers everything with an empty registry, and reports the first line of each request.
async fn server() -> (String, UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (lines, received) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // The whole head, which a proxy sends in pieces: what is not read would reset the connection.
            let mut stream = BufReader::new(stream);
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                stream.read_until(b'\n', &mut head).await.unwrap();
            }
            let head = String::from_utf8(head).unwrap();
            lines.send(head.lines().next().unwrap().to_owned()).unwrap();
            let length = REGISTRY.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{REGISTRY}"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, received)
}

fn services(proxy: &str, base: &str) -> Services {
    let environment = [("ALL_PROXY", proxy)].into_iter().collect();
    let http = Http::with_proxies("test/1", Proxies::new(&environment)).unwrap();
    Services::new(&http, base.parse().unwrap(), Secret::new("k"))
}

#[tokio::test]
async fn a_service_on_this_machine_is_called_directly() {
    let (proxy, mut at_proxy) = server().await;
    let (direct, mut at_service) = server().await;
    services(&proxy, &direct).registry().await.unwrap();
    assert_eq!(at_service.recv().await.unwrap(), "GET /registry HTTP/1.1");
    assert!(at_proxy.try_recv().is_err());
}

#[tokio::test]
async fn a_public_service_is_called_through_the_proxy() {
    let (proxy, mut at_proxy) = server().await;
    let services = services(&proxy, "http://services.example.com");
    services.registry().await.unwrap();
    let line = "GET http://services.example.com/registry HTTP/1.1";
    assert_eq!(at_proxy.recv().await.unwrap(), line);
}

#[tokio::test]
async fn a_failure_behind_a_proxy_names_it_without_its_password() {
    // Bound and not listening: it refuses connections, and nobody else gets the port.
    let closed = TcpSocket::new_v4().unwrap();
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = closed.local_addr().unwrap();
    let proxy = format!("http://user:hunter2@{address}");
    let services = services(&proxy, "http://services.example.com");
    let error = services.registry().await.unwrap_err().to_string();
    let named = format!("Services cannot be reached: through the proxy http://{address}: ");
    assert!(error.starts_with(&named), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

/// An address that nobody else takes before the proxy listens on it, because all others use 127.0.0.1.
fn own_address() -> SocketAddr {
    let id = InstanceId::generate();
    let random = id.as_str().as_bytes();
    let host = Ipv4Addr::new(127, random[0], random[1], random[2]);
    let free = std::net::TcpListener::bind((host, 0)).unwrap();
    free.local_addr().unwrap()
}

/// A real proxy that requires a password. It forwards everything to `upstream`, because tests have no DNS.
struct Tinyproxy {
    process: Child,
    address: String,
    _folder: TempDir,
}

impl Tinyproxy {
    async fn start(upstream: &str) -> Self {
        let address = own_address();
        let upstream = upstream.trim_start_matches("http://");
        let settings = format!(
            "Listen {}\nPort {}\nTimeout 60\nMaxClients 20\nUpstream http {upstream}\nBasicAuth user hunter2\n",
            address.ip(),
            address.port(),
        );
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("tinyproxy.conf");
        std::fs::write(&path, settings).unwrap();
        let process = Command::new("tinyproxy")
            .args(["-d", "-c"])
            .arg(&path)
            .stdout(Stdio::null())
            .spawn()
            .expect("tinyproxy, a package of Debian");
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(address).await.is_err() {
            assert!(Instant::now() < deadline, "tinyproxy does not listen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self {
            process,
            address: address.to_string(),
            _folder: folder,
        }
    }
}

impl Drop for Tinyproxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn a_real_proxy_gets_what_is_public_and_nothing_of_this_machine() {
    let (upstream, mut at_upstream) = server().await;
    let (direct, mut at_service) = server().await;
    let tinyproxy = Tinyproxy::start(&upstream).await;
    let proxy = format!("http://user:hunter2@{}", tinyproxy.address);
    services(&proxy, &direct).registry().await.unwrap();
    assert_eq!(at_service.recv().await.unwrap(), "GET /registry HTTP/1.1");
    assert!(at_upstream.try_recv().is_err());
    let public = "http://services.example.com";
    services(&proxy, public).registry().await.unwrap();
    let line = at_upstream.recv().await.unwrap();
    assert!(line.contains("/registry"), "{line}");

    let wrong = format!("http://user:wrong@{}", tinyproxy.address);
    let error = services(&wrong, public).registry().await.unwrap_err();
    let error = error.to_string();
    let named = format!("through the proxy http://{}", tinyproxy.address);
    assert!(
        error.contains(&named) && !error.contains("wrong"),
        "{error}"
    );
}
