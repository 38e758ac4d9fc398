//! A mail server that takes every letter.

use super::prefixed::Prefixed;
use super::{Peer, tls};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The longest line that is taken.
const LINE: usize = 64 << 10;

/// Speaks SMTP (RFC 5321), with STARTTLS where the connection is not secure yet.
pub(super) async fn serve(peer: Peer, stream: Prefixed) -> io::Result<()> {
    peer.net.context.serves(&peer.key, "smtp");
    let host = peer.host.clone();
    match talk(stream, &host, peer.secure, true).await? {
        Some(stream) => {
            let (peer, secured) = tls::accept(peer, stream).await?;
            talk(Prefixed::new(secured), &peer.host, true, false).await.map(drop)
        }
        None => Ok(()),
    }
}

/// The conversation; gives the stream back where TLS is to begin.
async fn talk(stream: Prefixed, host: &str, secure: bool, greet: bool) -> io::Result<Option<Prefixed>> {
    let mut lines = Lines { stream, waiting: Vec::new() };
    if greet {
        lines.say(&format!("220 {host} ESMTP ready\r\n")).await?;
    }
    while let Some(line) = lines.next().await? {
        let word: String = line
            .iter()
            .take_while(|byte| byte.is_ascii_alphabetic())
            .map(|byte| char::from(byte.to_ascii_uppercase()))
            .collect();
        match word.as_str() {
            "EHLO" => {
                let tls = if secure { "" } else { "250-STARTTLS\r\n" };
                lines.say(&format!("250-{host}\r\n250-SIZE 104857600\r\n250-8BITMIME\r\n{tls}250-AUTH PLAIN LOGIN\r\n250 HELP\r\n")).await?;
            }
            "HELO" => lines.say(&format!("250 {host}\r\n")).await?,
            "STARTTLS" if !secure => {
                lines.say("220 Go ahead\r\n").await?;
                // what was sent ahead in plain text is not taken for what comes after (CVE-2011-0411)
                return Ok(Some(lines.stream));
            }
            "AUTH" => authenticate(&mut lines, &line).await?,
            "DATA" => {
                lines.say("354 End data with <CR><LF>.<CR><LF>\r\n").await?;
                while let Some(line) = lines.next().await? {
                    if line == b"." {
                        lines.say("250 2.0.0 Ok: queued\r\n").await?;
                        break;
                    }
                }
            }
            "MAIL" | "RCPT" | "RSET" | "NOOP" => lines.say("250 2.1.0 Ok\r\n").await?,
            "VRFY" => lines.say("252 2.0.0 Maybe\r\n").await?,
            "HELP" => lines.say("214 See RFC 5321\r\n").await?,
            "QUIT" => {
                lines.say("221 2.0.0 Bye\r\n").await?;
                break;
            }
            _ => lines.say("502 5.5.2 Command not recognized\r\n").await?,
        }
    }
    lines.stream.shutdown().await?;
    Ok(None)
}

/// Takes any name and password.
async fn authenticate(lines: &mut Lines, line: &[u8]) -> io::Result<()> {
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).collect();
    let prompts: &[&str] = match words.as_slice() {
        [_, kind] if kind.eq_ignore_ascii_case(b"LOGIN") => &["334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n"],
        [_, kind, _] if kind.eq_ignore_ascii_case(b"LOGIN") => &["334 UGFzc3dvcmQ6\r\n"],
        [_, kind] if kind.eq_ignore_ascii_case(b"PLAIN") => &["334 \r\n"],
        _ => &[],
    };
    for prompt in prompts {
        lines.say(prompt).await?;
        if lines.next().await?.is_none() {
            return Ok(());
        }
    }
    lines.say("235 2.7.0 Authentication successful\r\n").await
}

struct Lines {
    stream: Prefixed,
    waiting: Vec<u8>,
}

impl Lines {
    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes()).await?;
        self.stream.flush().await
    }

    /// The next line without its end; `None` at the end of all. Of a line that is too long only the end is kept.
    async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut looked = 0;
        loop {
            if let Some(end) = self.waiting[looked..].iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.waiting.drain(..=looked + end).collect();
                line.pop();
                line.pop_if(|last| *last == b'\r');
                return Ok(Some(line));
            }
            if self.waiting.len() > LINE {
                self.waiting.drain(..self.waiting.len() - 64);
            }
            looked = self.waiting.len();
            let mut buffer = vec![0; 8 << 10];
            let length = self.stream.read(&mut buffer).await?;
            if length == 0 {
                return Ok(None);
            }
            self.waiting.extend(&buffer[..length]);
        }
    }
}
