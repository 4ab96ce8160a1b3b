//! The part of Postgres's wire protocol that is needed to observe statements.

use std::collections::HashMap;
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Longest accepted message: a statement with its parameters is a thousandth of it.
const LARGEST: usize = 64 * 1024 * 1024;

/// One message: its kind, and all its bytes as they are on the wire.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) kind: u8,
    pub(crate) bytes: Vec<u8>,
}

impl Message {
    /// The next message; `None` at the end of the stream.
    pub(crate) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Self>> {
        let mut kind = [0];
        if from.read(&mut kind).await? == 0 {
            return Ok(None);
        }
        let mut bytes = kind.to_vec();
        read_rest(from, &mut bytes).await?;
        let [kind] = kind;
        Ok(Some(Self { kind, bytes }))
    }

    /// The texts that the message begins with, each ended by a zero.
    fn texts(&self) -> impl Iterator<Item = String> {
        let body = self.bytes.get(5..).unwrap_or_default();
        body.split(|byte| *byte == 0)
            .map(|text| String::from_utf8_lossy(text).into_owned())
    }
}

/// The first message of a connection, which has no kind.
pub(crate) async fn read_startup(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read_rest(from, &mut bytes).await?;
    Ok(bytes)
}

/// A length, which counts itself, and as many bytes.
async fn read_rest(from: &mut (impl AsyncRead + Unpin), into: &mut Vec<u8>) -> io::Result<()> {
    let length = from.read_u32().await?;
    into.extend(length.to_be_bytes());
    let body = usize::try_from(length).map_err(io::Error::other)?;
    let body = body.checked_sub(4).filter(|body| *body < LARGEST);
    let body = body.ok_or_else(|| io::Error::other("not a Postgres message"))?;
    let start = into.len();
    into.resize(start + body, 0);
    from.read_exact(&mut into[start..]).await?;
    Ok(())
}

/// The prepared and bound statements of a session.
#[derive(Debug, Default)]
pub(crate) struct Session {
    statements: HashMap<String, String>,
    portals: HashMap<String, String>,
}

impl Session {
    /// The statement that this message executes, if any.
    pub(crate) fn executed(&mut self, message: &Message) -> Option<String> {
        let mut texts = message.texts();
        let mut next = || texts.next().unwrap_or_default();
        match message.kind {
            b'Q' => Some(next()),
            b'P' => {
                let (name, sql) = (next(), next());
                self.statements.insert(name, sql);
                None
            }
            b'B' => {
                let (portal, statement) = (next(), next());
                let sql = self.statements.get(&statement).cloned();
                self.portals.insert(portal, sql.unwrap_or_default());
                None
            }
            b'E' => self.portals.get(&next()).cloned(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn message(kind: u8, body: &[u8]) -> Message {
        let length = u32::try_from(body.len() + 4).unwrap();
        let wire = [&[kind], &length.to_be_bytes()[..], body, b"next"].concat();
        let read = Message::read(&mut wire.as_slice()).await.unwrap().unwrap();
        assert_eq!(read.bytes, wire[..wire.len() - 4]);
        read
    }

    #[tokio::test]
    async fn a_prepared_statement_is_known_when_it_is_executed() {
        let mut session = Session::default();
        for (kind, body) in [
            (b'P', &b"s1\0SELECT 1\0\0\0"[..]),
            (b'B', b"\0s1\0\0\0\0\0\0\0"),
        ] {
            assert_eq!(session.executed(&message(kind, body).await), None);
        }
        let executed = session.executed(&message(b'E', b"\0\0\0\0\0").await);
        assert_eq!(executed.as_deref(), Some("SELECT 1"));
        let simple = session.executed(&message(b'Q', b"BEGIN\0").await);
        assert_eq!(simple.as_deref(), Some("BEGIN"));
    }

    #[tokio::test]
    async fn an_invalid_message_is_refused() {
        let wire = [b'Q', 0xff, 0xff, 0xff, 0xff];
        assert!(Message::read(&mut wire.as_slice()).await.is_err());
        assert!(Message::read(&mut [].as_slice()).await.unwrap().is_none());
    }
}
