//! Opens a connection in bounded time.

use diesel::ConnectionError;
use diesel_async::AsyncPgConnection;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::{Address, parse};
use super::{DatabaseUrl, DbError};

type TlsStream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

pub(crate) async fn connect(url: &DatabaseUrl) -> Result<AsyncPgConnection, DbError> {
    establish(url.expose())
        .await
        .map_err(|error| DbError::Unreachable(Box::new(error)))
}

pub(super) async fn establish(url: &str) -> Result<AsyncPgConnection, ConnectionError> {
    bounded(url, async |address| {
        let (client, connection) = open(address).await?;
        AsyncPgConnection::try_from_client_and_connection(client, connection).await
    })
    .await
}

/// A connection without Diesel, for plain text queries. It ends when the client is dropped.
pub(super) async fn client(url: &DatabaseUrl) -> Result<Client, DbError> {
    let opened = bounded(url.expose(), open).await;
    let (client, connection) = opened.map_err(|error| DbError::Unreachable(Box::new(error)))?;
    tokio::spawn(async move {
        // A broken connection shows as an error of the next query.
        connection.await.ok();
    });
    Ok(client)
}

async fn bounded<T>(
    url: &str,
    connect: impl AsyncFnOnce(Address) -> Result<T, ConnectionError>,
) -> Result<T, ConnectionError> {
    let address = parse(url).map_err(unreachable)?;
    let limit = address.connect_within;
    match timeout(limit, connect(address)).await {
        Ok(result) => result,
        Err(_) => Err(unreachable(format!(
            "no connection within {} s",
            limit.as_secs()
        ))),
    }
}

async fn open(
    address: Address,
) -> Result<(Client, Connection<Socket, TlsStream>), ConnectionError> {
    let tls = address.tls.connector().map_err(unreachable)?;
    if address.plain_first {
        let plain = with_mode(&address.config, SslMode::Disable);
        if let Ok(connected) = plain.connect(tls.clone()).await {
            return Ok(connected);
        }
    }
    let connected = address.config.connect(tls).await;
    connected.map_err(|error| unreachable(agent_pool_core::chain(&error)))
}

fn with_mode(config: &Config, mode: SslMode) -> Config {
    let mut config = config.clone();
    config.ssl_mode(mode);
    config
}

fn unreachable(message: impl Into<String>) -> ConnectionError {
    ConnectionError::BadConnection(message.into())
}
