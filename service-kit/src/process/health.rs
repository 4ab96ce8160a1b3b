//! `--health`: asks the service of this container whether it is ready, because images have no shell and no `curl`.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::config::{HttpSettings, ListenHost};

const LIMIT: Duration = Duration::from_secs(5);

/// Succeeds if `/readyz` answers 200 within five seconds.
pub(super) fn probe(settings: &HttpSettings) -> anyhow::Result<()> {
    let host = match &settings.host {
        ListenHost::Address(address) if !address.is_unspecified() => *address,
        ListenHost::Address(_) | ListenHost::Any | ListenHost::Name { .. } => {
            IpAddr::from(Ipv4Addr::LOCALHOST)
        }
    };
    let address = (host, settings.port).into();
    let stream = TcpStream::connect_timeout(&address, LIMIT);
    let mut stream = stream.with_context(|| format!("nothing listens on {address}"))?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = [0; 12];
    stream
        .read_exact(&mut answer)
        .context("/readyz does not answer")?;
    match &answer {
        b"HTTP/1.0 200" | b"HTTP/1.1 200" => Ok(()),
        other => bail!("/readyz answers {}", String::from_utf8_lossy(other)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::net::TcpListener;

    use agent_pool_core::settings::Environment;

    use super::*;
    use crate::config::HttpDefaults;

    fn settings(port: u16) -> HttpSettings {
        let defaults = HttpDefaults {
            port,
            prefix: "TEST_",
        };
        let key = ("POOL_API_KEY", "a-key-of-sixteen-characters");
        HttpSettings::read(&Environment::from_iter([key]), defaults).unwrap()
    }

    #[test]
    fn only_a_service_that_is_ready_is_healthy() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let settings = settings(listener.local_addr().unwrap().port());
        let server = std::thread::spawn(move || {
            for status in ["200 OK", "503 Service Unavailable"] {
                let (mut stream, _) = listener.accept().unwrap();
                // All of it is read: a connection that is closed before is reset, and its answer may be lost.
                let lines = BufReader::new(&stream).lines().map(Result::unwrap);
                let request: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                assert!(request[0].starts_with("GET /readyz "), "{request:?}");
                // In one piece: the probe closes the connection as soon as it has read the status.
                let answer = format!("HTTP/1.1 {status}\r\n\r\n");
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        probe(&settings).unwrap();
        let error = probe(&settings).unwrap_err().to_string();
        assert!(error.contains("503"), "{error}");
        server.join().unwrap();
        // Bound and not listening: it refuses connections, and nobody else gets the port.
        let closed = tokio::net::TcpSocket::new_v4().unwrap();
        closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let settings = self::settings(closed.local_addr().unwrap().port());
        let error = probe(&settings).unwrap_err().to_string();
        assert!(error.contains("nothing listens"), "{error}");
    }
}
