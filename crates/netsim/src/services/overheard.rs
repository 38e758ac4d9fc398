//! A stream in which baits are looked for: what TLS hid.

use super::Duplex;
use crate::leak::Scanner;
use crate::packet::Key;
use crate::stack::Net;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream, overheard.
pub(super) struct Overheard<S> {
    net: Rc<Net>,
    key: Key,
    scanner: Option<Scanner>,
    stream: S,
}

impl<S: Duplex> Overheard<S> {
    pub(super) fn new(net: Rc<Net>, key: Key, stream: S) -> Overheard<S> {
        let scanner = net.context.scanner();
        Overheard { net, key, scanner, stream }
    }
}

impl<S: Duplex> AsyncRead for Overheard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(task, buffer))?;
        if let Some(scanner) = &mut self.scanner {
            let found = scanner.feed(&buffer.filled()[before..]);
            self.net.context.found(&self.key, found);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Duplex> AsyncWrite for Overheard<S> {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(task, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(task)
    }
}
