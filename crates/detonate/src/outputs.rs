//! What the artifact prints: two pipes, read to their end, kept up to a bound.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::thread::JoinHandle;

/// A thread that reads one pipe until every writer is gone, so that the artifact never blocks on a full one.
pub struct Pump {
    thread: JoinHandle<io::Result<()>>,
}

impl Pump {
    /// Reads `pipe` to its end into `keep`, which minds its own bound.
    pub fn start(name: &str, pipe: OwnedFd, mut keep: impl Write + Send + 'static) -> io::Result<Self> {
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || {
            let mut pipe = File::from(pipe);
            let mut buffer = vec![0; 64 << 10];
            let mut kept = Ok(());
            loop {
                match pipe.read(&mut buffer) {
                    Ok(0) => return kept,
                    // A full disk must not make the artifact block: what can't be kept is still read.
                    Ok(length) if kept.is_ok() => kept = keep.write_all(&buffer[..length]),
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        })?;
        Ok(Pump { thread })
    }

    /// Waits for the end of the pipe.
    pub fn finish(self) -> io::Result<()> {
        self.thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the thread that reads the output failed")))
    }
}
