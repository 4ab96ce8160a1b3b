//! A request in progress: from its header to the last byte of its response.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, SizeHint};

use super::open::Connection;

/// Marks a connection as busy for as long as it exists.
pub(super) struct Busy(Arc<Connection>);

impl Busy {
    pub(super) fn start(connection: Arc<Connection>) -> Self {
        connection.request_started();
        Self(connection)
    }

    /// Keeps the connection busy until the body is sent, because a response may be an endless stream.
    pub(super) fn until_sent<B>(
        self,
        response: hyper::Response<B>,
    ) -> hyper::Response<BusyBody<B>> {
        response.map(|inner| BusyBody { inner, _busy: self })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.request_ended();
    }
}

/// A body with the mark, which is dropped when the body was sent.
pub(super) struct BusyBody<B> {
    inner: B,
    _busy: Busy,
}

impl<B: Body + Unpin> Body for BusyBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
