//! The open connections, so that an idle one can be closed to make room for the next.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

/// How often to check, at shutdown, whether connections have sent their request.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The open connections of a server.
#[derive(Debug)]
pub(super) struct OpenConnections {
    most: usize,
    next: AtomicU64,
    /// In the order in which they were accepted.
    open: Mutex<BTreeMap<u64, Arc<Connection>>>,
    closed: Notify,
}

/// The state of a connection.
#[derive(Debug, Default)]
pub(super) struct Connection {
    /// How often a request started or ended: odd while one is being handled. Otherwise the client is
    /// silent, or still sends a header.
    changes: AtomicU64,
    /// The peer has not received all of a response.
    writing: AtomicBool,
    /// The connection has to be closed to make room.
    evicted: Notify,
}

/// Keeps a connection counted as open.
pub(super) struct Open {
    number: u64,
    connections: Arc<OpenConnections>,
    pub(super) connection: Arc<Connection>,
}

impl OpenConnections {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            next: AtomicU64::new(0),
            open: Mutex::default(),
            closed: Notify::new(),
        })
    }

    /// Waits until another connection may be accepted. If there is no room, the oldest connection without a request in
    /// progress is closed; if all are busy, it waits for one to end.
    pub(super) async fn room(&self) {
        loop {
            let closed = self.closed.notified();
            if !self.evict_if_full() {
                return;
            }
            closed.await;
        }
    }

    fn evict_if_full(&self) -> bool {
        let open = self.lock();
        if open.len() < self.most {
            return false;
        }
        if let Some(oldest) = open.values().find(|it| it.is_idle()) {
            oldest.evicted.notify_one();
        }
        true
    }

    /// Waits until every connection has sent a request or is closed.
    pub(super) async fn first_requests(&self) {
        while self.lock().values().any(|it| it.changes() == 0) {
            sleep(LOOK_EVERY).await;
        }
    }

    /// Closes every connection without a request in progress, even if part of a header was received.
    pub(super) fn evict_idle(&self) {
        let open = self.lock();
        for connection in open.values().filter(|it| it.is_idle()) {
            connection.evicted.notify_one();
        }
    }

    pub(super) fn add(self: &Arc<Self>) -> Open {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::<Connection>::default();
        self.lock().insert(number, Arc::clone(&connection));
        Open {
            number,
            connections: Arc::clone(self),
            connection,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    pub(super) fn is_busy(&self) -> bool {
        self.changes() % 2 == 1
    }

    /// Whether it can be closed without losing anything.
    fn is_idle(&self) -> bool {
        !self.is_busy() && !self.writing.load(Ordering::Relaxed)
    }

    pub(super) fn set_writing(&self, writing: bool) {
        self.writing.store(writing, Ordering::Relaxed);
    }

    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    pub(super) fn request_started(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn request_ended(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns when the connection has to close to make room.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connections.lock().remove(&self.number);
        self.connections.closed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn the_oldest_connection_without_a_request_makes_room() {
        let connections = OpenConnections::new(2);
        let [busy, silent] = [(); 2].map(|()| connections.add());
        busy.connection.request_started();
        assert!(connections.room().now_or_never().is_none());
        assert!(busy.connection.evicted().now_or_never().is_none());
        assert!(silent.connection.evicted().now_or_never().is_some());
        drop(silent);
        assert!(connections.room().now_or_never().is_some());
        let writing = connections.add();
        writing.connection.set_writing(true);
        connections.evict_idle();
        assert!(writing.connection.evicted().now_or_never().is_none());
    }
}
