//! The proxy between one process and its database: every statement passes here, from the batch of messages that sends
//! it to the `ReadyForQuery` that ends its answer.
//!
//! Preparing a statement and beginning a transaction are not steps: they change nothing.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use crate::interceptor::{Action, Interceptor};
use crate::label;
use crate::pg_wire::{Message, Session, read_startup};

/// A running proxy; it ends with its connections when it is dropped.
#[derive(Debug)]
pub(crate) struct PgProxy {
    port: u16,
    _accepting: AbortOnDropHandle<()>,
}

/// Where the database listens now: after a kill it has another port.
#[derive(Debug, Clone, Default)]
pub(crate) struct Upstream(Arc<Mutex<Option<SocketAddr>>>);

impl Upstream {
    /// Sets where the database listens.
    pub(crate) fn is_at(&self, address: SocketAddr) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
    }

    /// The port of the database.
    pub(crate) fn port(&self) -> io::Result<u16> {
        Ok(self.address()?.port())
    }

    fn address(&self) -> io::Result<SocketAddr> {
        let address = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        address.ok_or_else(|| io::Error::other("there is no database yet"))
    }
}

impl PgProxy {
    /// Opens the proxy of the process that `interceptor` watches.
    pub(crate) async fn open(
        interceptor: Arc<Interceptor>,
        upstream: Upstream,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(pass(stream, Arc::clone(&interceptor), upstream.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self {
            port,
            _accepting: AbortOnDropHandle::new(accepting),
        })
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }
}

/// What to do with each of the answers that are due.
type Due = Mutex<VecDeque<Action>>;

async fn pass(
    client: TcpStream,
    interceptor: Arc<Interceptor>,
    upstream: Upstream,
) -> io::Result<()> {
    let server = TcpStream::connect(upstream.address()?).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // The first `ReadyForQuery` is the answer to the start of the session.
    let due: Due = Mutex::new(VecDeque::from([Action::Pass]));
    // If either direction ends, or the interceptor kills, both end.
    tokio::select! {
        ended = asks(from_client, to_server, &interceptor, &due) => ended,
        ended = answers(from_server, to_client, &interceptor, &due) => ended,
    }
}

async fn asks(
    from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    interceptor: &Interceptor,
    due: &Due,
) -> io::Result<()> {
    let mut from = BufReader::new(from);
    to.write_all(&read_startup(&mut from).await?).await?;
    let mut session = Session::default();
    let mut batch = Vec::new();
    let mut action = Action::Pass;
    while let Some(message) = Message::read(&mut from).await? {
        let executed = session.executed(&message);
        if let Some(step) = executed.as_deref().and_then(label::statement) {
            let one = interceptor.step(&step);
            if action == Action::Pass {
                action = one;
            }
        }
        let ends_batch = matches!(message.kind, b'S' | b'Q');
        batch.extend(message.bytes);
        if action == Action::Before {
            interceptor.kill();
            return Ok(());
        }
        // Password, flush and terminate messages have no such answer, and do not wait for one.
        if ends_batch {
            let action = std::mem::replace(&mut action, Action::Pass);
            due.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push_back(action);
        }
        if ends_batch || matches!(message.kind, b'p' | b'H' | b'X') {
            to.write_all(&batch).await?;
            batch.clear();
        }
    }
    Ok(())
}

async fn answers(
    from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    interceptor: &Interceptor,
    due: &Due,
) -> io::Result<()> {
    let mut from = BufReader::new(from);
    let mut answer = Vec::new();
    while let Some(message) = Message::read(&mut from).await? {
        let ends_answer = message.kind == b'Z';
        answer.extend(message.bytes);
        if ends_answer {
            let due = due
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            if due == Some(Action::After) {
                interceptor.kill();
                return Ok(());
            }
        }
        // Rows wait for the end of their answer; a notification, or what the start of a session is
        // made of, does not.
        if ends_answer || !matches!(message.kind, b'1' | b'2' | b'C' | b'D' | b'T' | b't' | b'n') {
            to.write_all(&answer).await?;
            answer.clear();
        }
    }
    Ok(())
}
