//! A stream whose first bytes can be looked at before they are read.

use super::Duplex;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// A stream, and what was read of it too early.
pub(crate) struct Prefixed {
    prefix: Vec<u8>,
    at: usize,
    stream: Box<dyn Duplex>,
}

impl Prefixed {
    pub(crate) fn new(stream: Box<dyn Duplex>) -> Prefixed {
        Prefixed { prefix: Vec::new(), at: 0, stream }
    }

    /// A stream of which others have read `prefix` already.
    pub(crate) fn after(prefix: Vec<u8>, stream: Box<dyn Duplex>) -> Prefixed {
        Prefixed { prefix, at: 0, stream }
    }

    /// What was looked at and not read yet.
    pub(crate) fn seen(&self) -> &[u8] {
        &self.prefix[self.at..]
    }

    /// Waits for more than what was seen so far, at most `most` bytes of it in all; whether there is more.
    pub(crate) async fn look(&mut self, most: usize) -> io::Result<bool> {
        let mut more = vec![0; most.saturating_sub(self.seen().len())];
        let length = self.stream.read(&mut more).await?;
        self.prefix.extend(&more[..length]);
        Ok(length > 0)
    }
}

impl AsyncRead for Prefixed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.at < self.prefix.len() {
            let length = buffer.remaining().min(self.prefix.len() - self.at);
            buffer.put_slice(&self.prefix[self.at..self.at + length]);
            self.at += length;
            if self.at == self.prefix.len() {
                self.prefix = Vec::new();
                self.at = 0;
            }
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(task, buffer)
    }
}

impl AsyncWrite for Prefixed {
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
