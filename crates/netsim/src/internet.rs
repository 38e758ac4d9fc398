//! A running internet: a thread with everything on it.

use crate::addresses::Addresses;
use crate::authority::Authority;
use crate::context::Context;
use crate::link::{Link, LinkKind};
use crate::mode::Mode;
use crate::recording::{CaptureTo, Captured, Recording};
use crate::site::Site;
use crate::stack::Net;
use crate::told::Told;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use tokio::sync::Notify;

/// Facts that may wait for their reader.
const WAITING: usize = 8192;

/// What an internet shall be.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How it answers.
    pub mode: Mode,
    /// What the user wants answered.
    pub site: Arc<Site>,
    /// What a cloud's metadata service gives away.
    pub credentials: Credentials,
    /// The baits whose values are looked for in what leaves: names and values.
    pub baits: Vec<(String, Vec<u8>)>,
    /// The environment's addresses.
    pub addresses: Addresses,
    /// Where what looks random comes from.
    pub seed: u64,
}

/// Credentials that are baits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Id of an access key.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
    /// A bearer token.
    pub token: String,
}

/// A running internet. It ends by [`Internet::finish`], or when it is dropped.
pub struct Internet {
    stop: Arc<Notify>,
    thread: Option<JoinHandle<io::Result<Report>>>,
}

/// What an internet says at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Packets that were no IP, or broken.
    pub misunderstood: u64,
    /// Streams in which something compressed was not looked through for baits to its end.
    pub unsearched: u64,
    /// The capture.
    pub capture: Captured,
    /// Why baits were not looked for.
    pub blind: Option<String>,
    /// Secrets of the TLS sessions, as lines of a key log.
    pub secrets: String,
}

impl Internet {
    /// Plays the internet on `device`, which must not block. What it sees comes out of the receiver; the environment
    /// waits while nobody takes it.
    ///
    /// # Errors
    /// Where the thread can't be started, or the device can't be waited for.
    pub fn start(
        settings: Settings,
        authority: Arc<Authority>,
        device: OwnedFd,
        kind: LinkKind,
        capture: CaptureTo,
    ) -> io::Result<(Internet, Receiver<Told>)> {
        let recording = Recording::new(capture)?;
        let (sink, receiver) = sync_channel(WAITING);
        let stop = Arc::new(Notify::new());
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("internet".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
            let local = tokio::task::LocalSet::new();
            local
                .block_on(&runtime, async move {
                    let link = Link::new(device, kind)?;
                    let context = Rc::new(Context::new(settings, authority, sink, recording));
                    let net = Net::new(context.clone(), link.has_checksums());
                    net.run(link, &stopped).await?.close();
                    // what is still being said is told as it stands, by those who serve it
                    drop(net);
                    Ok(context)
                })
                .map(|context| {
                    // the tasks end here, and tell what they know
                    drop(local);
                    context.end_all();
                    let mut leaks = context.leaks.borrow_mut();
                    Report {
                        misunderstood: context.misunderstood_count(),
                        unsearched: leaks.cut(),
                        blind: leaks.failure(),
                        capture: context.recording.borrow_mut().finish(),
                        secrets: context.secrets.lines(),
                    }
                })
        })?;
        Ok((Internet { stop, thread: Some(thread) }, receiver))
    }

    /// Ends it, once all that the environment sent has been taken.
    ///
    /// # Errors
    /// What went wrong with the device on the way.
    pub fn finish(mut self) -> io::Result<Report> {
        self.stop.notify_one();
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(report)) => report,
            _ => Err(io::Error::other("the simulated internet broke")),
        }
    }
}

impl Drop for Internet {
    fn drop(&mut self) {
        self.stop.notify_one();
    }
}
