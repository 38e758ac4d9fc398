//! A TCP connection as a stream of bytes.

use super::Net;
use crate::flows::Way;
use smoltcp::socket::tcp::{RecvError, State};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The internet's end of a connection. Dropped, it is closed.
pub(crate) struct Stream {
    net: Rc<Net>,
    id: u64,
}

impl Stream {
    pub(super) fn new(net: Rc<Net>, id: u64) -> Stream {
        Stream { net, id }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut inner = self.net.inner.borrow_mut();
        let Some(connection) = inner.connections.get_mut(&self.id) else { return Poll::Ready(Ok(())) };
        let (key, reset) = (connection.key, connection.reset);
        let socket = connection.socket();
        let space = buffer.initialize_unfilled();
        if space.is_empty() {
            return Poll::Ready(Ok(()));
        }
        match socket.recv_slice(space) {
            Ok(0) => {
                socket.register_recv_waker(task.waker());
                Poll::Pending
            }
            Ok(length) => {
                self.net.context.said(&key, Way::Out, &space[..length]);
                drop(inner);
                buffer.advance(length);
                // the environment may send more now
                self.net.touch(self.id);
                Poll::Ready(Ok(()))
            }
            Err(RecvError::Finished) => Poll::Ready(Ok(())),
            Err(RecvError::InvalidState) if reset || socket.state() == State::Closed => {
                Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
            }
            Err(RecvError::InvalidState) => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut inner = self.net.inner.borrow_mut();
        let broken = || Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        let Some(connection) = inner.connections.get_mut(&self.id) else { return broken() };
        let key = connection.key;
        let socket = connection.socket();
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        match socket.send_slice(bytes) {
            Ok(0) => {
                socket.register_send_waker(task.waker());
                Poll::Pending
            }
            Ok(length) => {
                self.net.context.said(&key, Way::In, &bytes[..length]);
                drop(inner);
                self.net.touch(self.id);
                Poll::Ready(Ok(length))
            }
            Err(_) => broken(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(connection) = self.net.inner.borrow_mut().connections.get_mut(&self.id) {
            connection.socket().close();
        }
        self.net.touch(self.id);
        Poll::Ready(Ok(()))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(connection) = self.net.inner.borrow_mut().connections.get_mut(&self.id) {
            connection.held = false;
            connection.socket().close();
        }
        self.net.touch(self.id);
    }
}
