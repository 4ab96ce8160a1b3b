//! The last answer of a connection.

use std::io;

use tokio::io::{AsyncWriteExt as _, copy, sink};
use tokio::net::TcpStream;

/// Sends the last answer of a connection, once its request has begun to arrive, and waits until the caller closes it.
///
/// What is left of the request is read: closing with unread data would reset the connection, and the answer could be lost.
pub(crate) async fn send_last(mut stream: TcpStream, answer: &[u8]) -> io::Result<()> {
    stream.write_all(answer).await?;
    stream.shutdown().await?;
    copy(&mut stream, &mut sink()).await.map(drop)
}
