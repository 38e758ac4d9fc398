//! A recorded run as the reading commands see it: a sealed bundle, or one whose recording was never finished
//! and that is readable up to its last flush.

use crate::exit;
use crate::failure::{Failure, shown};
use crate::store::Store;
use detektr_event::Event;
use detektr_evidence::stream::EventReader;
use detektr_evidence::{Bundle, EvidenceError, Leftover, recover, verify};
use detektr_report::BuildError;
use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;

/// A run to read.
pub enum Recording {
    /// Sealed.
    Sealed(Box<Bundle>),
    /// Never finished.
    Unfinished(Box<Leftover>),
}

impl Recording {
    /// The run that `word` means.
    pub fn open(store: &Store, word: &OsStr) -> Result<Self, Failure> {
        let path = store.find(word)?;
        if path.to_str().is_some_and(|name| name.ends_with(".partial")) {
            return recover(&path)
                .map(|leftover| Recording::Unfinished(Box::new(leftover)))
                .map_err(|e| told(&path, &e));
        }
        sealed(&path).map(|bundle| Recording::Sealed(Box::new(bundle)))
    }

    /// Its id.
    pub fn run(&self) -> &str {
        match self {
            Recording::Sealed(bundle) => &bundle.manifest().run,
            Recording::Unfinished(leftover) => leftover.run(),
        }
    }

    /// Its events, in order.
    pub fn events(&self) -> Result<EventReader<File>, Failure> {
        match self {
            Recording::Sealed(bundle) => bundle.events().map_err(|e| told(bundle.path(), &e)),
            Recording::Unfinished(leftover) => leftover.events().map_err(|e| told(leftover.path(), &e)),
        }
    }

    /// Hands each event to `take` until that is false. The exit code: 3 where the recording ends early.
    pub fn each(&self, mut take: impl FnMut(Event) -> Result<bool, Failure>) -> Result<u8, Failure> {
        for event in self.events()? {
            let event = match (event, self) {
                (Ok(event), _) => event,
                // what was not flushed before the end is not there, and all that came before is
                (Err(_), Recording::Unfinished(_)) => break,
                (Err(e), Recording::Sealed(bundle)) => {
                    return Err(damaged(bundle, &e));
                }
            };
            if !take(event)? {
                break;
            }
        }
        Ok(match self {
            Recording::Sealed(_) => exit::OK,
            Recording::Unfinished(_) => {
                crate::complain(
                    "this run was never finished or sealed: what follows its last flush is missing",
                );
                exit::INCOMPLETE
            }
        })
    }
}

/// The events of a sealed bundle end early.
pub fn damaged(bundle: &Bundle, e: &dyn std::error::Error) -> Failure {
    Failure::incomplete(
        "detektr::bundle::damaged",
        format!("the events of {} can't be read to their end", shown(bundle.path())),
    )
    .because(with_sources(e))
    .help("`detektr verify` names everything that is wrong with it")
}

/// The sealed bundle at `path`.
pub fn sealed(path: &Path) -> Result<Bundle, Failure> {
    Bundle::open(path).map_err(|e| told(path, &e))
}

/// The sealed bundle at `path`, found to be what was sealed, and the id of the key that signed it.
pub fn verified(path: &Path) -> Result<(Bundle, String), Failure> {
    let bundle = sealed(path)?;
    let verification = verify(path, None);
    let refused = |why: String| {
        Failure::incomplete("detektr::bundle::invalid", format!("{} is not what was sealed", shown(path)))
            .because(why)
            .help(format!("detektr verify {}", shown(path)))
    };
    if let Some(problem) = verification.problems.first() {
        return Err(refused(format!("{}: {}", problem.code, problem.detail)));
    }
    match verification.signer {
        Some(signer) => Ok((bundle, signer.id())),
        None => Err(refused("nobody signed it".into())),
    }
}

/// A report or comparison that could not be made of a bundle.
pub fn unbuilt(bundle: &Bundle, e: BuildError) -> Failure {
    match e {
        BuildError::Evidence(e) => told(bundle.path(), &e),
        BuildError::Io(e) => damaged(bundle, &e),
    }
}

/// What evidence says, for the user.
pub fn told(path: &Path, e: &EvidenceError) -> Failure {
    let why = with_sources(e);
    match e {
        EvidenceError::Io { .. } => Failure::usage("detektr::bundle::unreadable", why)
            .help("name a bundle's folder or its .tar.zst that you may read"),
        EvidenceError::NotABundle { .. } => {
            Failure::usage("detektr::bundle::none", why).help("name a bundle's folder or its .tar.zst")
        }
        EvidenceError::InUse(_) => {
            Failure::usage("detektr::bundle::in_use", why).help("wait until that detonation has ended")
        }
        EvidenceError::UnknownFormat { .. } => Failure::usage("detektr::bundle::format", why),
        EvidenceError::Malformed { .. } => Failure::incomplete("detektr::bundle::damaged", why)
            .help(format!("detektr verify {}", shown(path))),
        EvidenceError::Key { .. } => Failure::usage("detektr::key", why),
        EvidenceError::RunId(_) | EvidenceError::Exists(_) => Failure::usage("detektr::bundle::exists", why),
    }
}

/// An error with all its sources in one sentence.
pub fn with_sources(e: &dyn std::error::Error) -> String {
    let mut text = e.to_string();
    let mut source = e.source();
    while let Some(e) = source {
        text.push_str(": ");
        text.push_str(&e.to_string());
        source = e.source();
    }
    text
}
