//! One new connection, in bounded time.

use std::time::Duration;

use diesel::ConnectionError;
use diesel_async::AsyncPgConnection;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, Connection, Socket};
use url::Url;

use super::tls::{Encrypted, Identity, Tls};
use super::{DatabaseUrl, DbError};

/// How long a server may say nothing at all before the connection counts as broken. Without it, a call
/// over a network that hangs would wait for hours, and a lock's holder with it.
const SILENT: Duration = Duration::from_secs(30);
/// How long a connection may take to make.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

pub(crate) async fn connect(url: &DatabaseUrl) -> Result<AsyncPgConnection, DbError> {
    establish(url.expose())
        .await
        .map_err(|error| DbError::Unreachable(Box::new(error)))
}

pub(super) async fn establish(url: &str) -> Result<AsyncPgConnection, ConnectionError> {
    match timeout(CONNECT_WITHIN, handshake(url)).await {
        Ok(result) => result,
        Err(_) => Err(bad(too_slow())),
    }
}

async fn handshake(url: &str) -> Result<AsyncPgConnection, ConnectionError> {
    let (client, connection) = open(url).await?;
    AsyncPgConnection::try_from_client_and_connection(client, connection).await
}

/// A connection without Diesel, for plain text queries. It ends when the client is dropped.
pub(super) async fn client(url: &DatabaseUrl) -> Result<Client, DbError> {
    let opened = match timeout(CONNECT_WITHIN, open(url.expose())).await {
        Ok(opened) => opened,
        Err(_) => Err(bad(too_slow())),
    };
    let (client, connection) = opened.map_err(|error| DbError::Unreachable(Box::new(error)))?;
    tokio::spawn(async move {
        // A connection that breaks fails the query that the client sends next.
        connection.await.ok();
    });
    Ok(client)
}

async fn open(
    url: &str,
) -> Result<(Client, Connection<Socket, Encrypted<Socket>>), ConnectionError> {
    let (config, identity) = parse(url).map_err(bad)?;
    let tls = Tls::new(identity).map_err(|error| bad(error.to_string()))?;
    let connected = config.connect(tls).await;
    connected.map_err(|error| bad(agent_pool_core::chain(&error)))
}

fn too_slow() -> String {
    format!("no connection within {} s", CONNECT_WITHIN.as_secs())
}

fn bad(message: impl Into<String>) -> ConnectionError {
    ConnectionError::BadConnection(message.into())
}

/// What a URL asks for. The words for a server that proves its identity are libpq's, which
/// `tokio-postgres` does not know. The error names no part of the URL: it holds a password.
pub(super) fn parse(url: &str) -> Result<(Config, Identity), &'static str> {
    let malformed = "expected postgres://USER:PASSWORD@HOST:PORT/NAME";
    let mut url = Url::parse(url).map_err(|_| malformed)?;
    if !matches!(url.scheme(), "postgres" | "postgresql") || !url.has_host() {
        return Err(malformed);
    }
    let verifies =
        |name: &str, value: &str| name == "sslmode" && matches!(value, "verify-full" | "verify-ca");
    let (asked, rest): (Vec<_>, Vec<_>) = url
        .query_pairs()
        .into_owned()
        .partition(|(name, value)| verifies(name, value));
    url.query_pairs_mut().clear().extend_pairs(rest);
    let mut config: Config = url.as_str().trim_end_matches('?').parse().map_err(|_| {
        "a parameter after ? that is not known, or has a wrong value; sslmode is one of disable, \
         prefer, require, verify-full"
    })?;
    let own = |name: &str| name == "tcp_user_timeout" || name.starts_with("keepalives");
    if !url.query_pairs().any(|(name, _)| own(&name)) {
        config
            .keepalives_idle(SILENT)
            .keepalives_interval(SILENT / 3)
            .tcp_user_timeout(SILENT);
    }
    if asked.is_empty() {
        return Ok((config, Identity::Assumed));
    }
    config.ssl_mode(SslMode::Require);
    Ok((config, Identity::Verified))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_notices_that_its_network_hangs() {
        let (config, _) = parse("postgres://u:p@h:1/d").unwrap();
        assert!(config.get_keepalives());
        assert_eq!(config.get_keepalives_idle(), SILENT);
        assert_eq!(config.get_tcp_user_timeout(), Some(&SILENT));
        let (config, _) = parse("postgres://u:p@h:1/d?keepalives_idle=7").unwrap();
        assert_eq!(config.get_keepalives_idle(), Duration::from_secs(7));
        assert_eq!(config.get_tcp_user_timeout(), None);
    }

    #[test]
    fn sslmode_is_read_as_libpq_reads_it() {
        for (query, mode, identity) in [
            ("", SslMode::Prefer, Identity::Assumed),
            ("?sslmode=disable", SslMode::Disable, Identity::Assumed),
            ("?sslmode=require", SslMode::Require, Identity::Assumed),
            ("?sslmode=verify-full", SslMode::Require, Identity::Verified),
            (
                "?sslmode=verify-ca&application_name=x",
                SslMode::Require,
                Identity::Verified,
            ),
        ] {
            let (config, read) = parse(&format!("postgres://u:p@h:1/d{query}")).unwrap();
            assert_eq!((config.get_ssl_mode(), read), (mode, identity), "{query}");
            assert_eq!(config.get_dbname(), Some("d"));
        }
    }
}
