//! Those who listen to whatever is said: a recording sink, and the first words of servers that speak first.

use super::Peer;
use super::prefixed::Prefixed;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Takes all that is said, to its end.
pub(super) async fn raw(_peer: Peer, mut stream: Prefixed) -> io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    while stream.read(&mut buffer).await? > 0 {}
    stream.shutdown().await
}

/// Greets as an SSH server does, and listens.
pub(super) async fn ssh(peer: Peer, mut stream: Prefixed) -> io::Result<()> {
    peer.net.context.serves(&peer.key, "ssh");
    stream.write_all(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n").await?;
    raw(peer, stream).await
}

/// Greets as an FTP server does, and lets nobody in.
pub(super) async fn ftp(peer: Peer, mut stream: Prefixed) -> io::Result<()> {
    peer.net.context.serves(&peer.key, "ftp");
    stream.write_all(b"220 FTP server ready\r\n").await?;
    let mut buffer = vec![0; 4096];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return stream.shutdown().await;
        }
        let quit = buffer[..length].to_ascii_uppercase().starts_with(b"QUIT");
        let answer: &[u8] = match &buffer[..length.min(4)] {
            _ if quit => b"221 Goodbye\r\n",
            word if word.eq_ignore_ascii_case(b"USER") => b"331 Password required\r\n",
            word if word.eq_ignore_ascii_case(b"PASS") => b"530 Login incorrect\r\n",
            _ => b"530 Please log in\r\n",
        };
        stream.write_all(answer).await?;
        if quit {
            return stream.shutdown().await;
        }
    }
}
