//! A socket with deadlines for the progress of its peer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::open::Connection;

/// How long a connection may be idle between requests. It is longer than the 90 s after which common clients close
/// theirs, so that no request is sent on a connection that is being closed.
const IDLE: Duration = Duration::from_secs(120);
/// Time limit for the header of a request, from its first byte.
const HEADER: Duration = Duration::from_secs(10);
/// How long a peer may receive no byte of a response.
const WRITE: Duration = Duration::from_secs(30);

/// A socket that fails when its peer makes no progress. While a request is in progress, the peer only has to receive
/// the response.
pub(super) struct PatientStream<S> {
    inner: S,
    connection: Arc<Connection>,
    /// The first byte of a header has arrived, but no complete request yet.
    in_header: bool,
    /// As [`Connection::changes`] was at the last read.
    changes: u64,
    read: Deadline,
    write: Deadline,
}

/// A deadline that is set while waiting for something.
struct Deadline(Option<Pin<Box<Sleep>>>);

impl Deadline {
    /// Sets it, unless it is set already, and returns whether it has passed.
    fn passed(&mut self, within: Duration, context: &mut Context<'_>) -> bool {
        let sleep = self
            .0
            .get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + within)));
        sleep.as_mut().poll(context).is_ready()
    }

    fn clear(&mut self) {
        self.0 = None;
    }
}

impl<S> PatientStream<S> {
    pub(super) const fn new(inner: S, connection: Arc<Connection>) -> Self {
        Self {
            inner,
            connection,
            in_header: false,
            changes: 0,
            read: Deadline(None),
            write: Deadline(None),
        }
    }

    /// Resets the deadlines when a request began or ended.
    fn follow_request(&mut self) {
        let changes = self.connection.changes();
        if changes != self.changes {
            self.changes = changes;
            self.in_header = false;
            self.read.clear();
        }
    }
}

fn too_slow(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl<S: AsyncRead + Unpin> AsyncRead for PatientStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.follow_request();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        if self.connection.is_busy() {
            // The bytes of a body or of the next request; bodies have their own deadline.
            return polled;
        }
        if buffer.filled().len() > before && !self.in_header {
            self.in_header = true;
            self.read.clear();
        }
        if polled.is_ready() {
            // Single bytes do not count as progress: the deadline of a header is not extended.
            if self.in_header && self.read.passed(HEADER, context) {
                return Poll::Ready(Err(too_slow("the header took too long")));
            }
            return polled;
        }
        let within = if self.in_header { HEADER } else { IDLE };
        if self.read.passed(within, context) {
            return Poll::Ready(Err(too_slow("nothing came")));
        }
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> PatientStream<S> {
    fn watch_write<T>(
        &mut self,
        polled: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        self.connection.set_writing(polled.is_pending());
        if polled.is_ready() {
            self.write.clear();
        } else if self.write.passed(WRITE, context) {
            return Poll::Ready(Err(too_slow("the response was not received in time")));
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PatientStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.watch_write(polled, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.watch_write(polled, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_flush(context);
        self.watch_write(polled, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_shutdown(context);
        self.watch_write(polled, context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::sleep;

    use super::*;

    fn pair() -> (DuplexStream, PatientStream<DuplexStream>, Arc<Connection>) {
        let (client, server) = duplex(64);
        let connection = Arc::<Connection>::default();
        (
            client,
            PatientStream::new(server, connection.clone()),
            connection,
        )
    }

    async fn read_all(stream: &mut PatientStream<DuplexStream>) -> io::Error {
        let mut buffer = [0; 16];
        loop {
            match stream.read(&mut buffer).await {
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_header_that_drips_ends_after_ten_seconds() {
        let (mut client, mut stream, _) = pair();
        let drip = tokio::spawn(async move {
            loop {
                sleep(Duration::from_secs(1)).await;
                if client.write_all(b"x").await.is_err() {
                    return;
                }
            }
        });
        let started = Instant::now();
        let error = read_all(&mut stream).await;
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let took = started.elapsed();
        assert!(took > HEADER && took < HEADER * 2, "{took:?}");
        drip.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_ends_after_two_minutes_unless_a_request_is_handled() {
        let (_client, mut stream, connection) = pair();
        let started = Instant::now();
        assert_eq!(read_all(&mut stream).await.kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() >= IDLE);
        let (_client, mut stream, busy) = pair();
        busy.request_started();
        let hour = Duration::from_hours(1);
        assert!(
            tokio::time::timeout(hour, read_all(&mut stream))
                .await
                .is_err()
        );
        drop(connection);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_had_a_request_is_idle_again() {
        let (mut client, mut stream, connection) = pair();
        client.write_all(b"request").await.unwrap();
        stream.read_exact(&mut [0; 7]).await.unwrap();
        connection.request_started();
        connection.request_ended();
        let started = Instant::now();
        assert_eq!(read_all(&mut stream).await.kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() >= IDLE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_no_answer_is_given_up() {
        let (_client, mut stream, connection) = pair();
        connection.request_started();
        let started = Instant::now();
        let error = stream.write_all(&[0; 1024]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() >= WRITE);
    }
}
