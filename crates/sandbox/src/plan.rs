//! What an environment shall be: everything is decided here, before anything is made.

use crate::baits::Bait;
use crate::controls::Control;
use crate::controls::monitor::When;
use crate::environment::ExitStatus;
use crate::identity::Identity;
use crate::limits::Limits;
use crate::network::Addresses;
use crate::wall::Shut;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// The whole plan of one environment.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The run's id; names the run's folder and its cgroups (letters, digits, `-`, `_` and `.`).
    pub run: String,
    /// The folder below which the run's own folder is made.
    pub work: PathBuf,
    /// Where the files come from.
    pub rootfs: Rootfs,
    /// Who runs.
    pub user: RunAs,
    /// What it may use.
    pub limits: Limits,
    /// Names made for this run.
    pub identity: Identity,
    /// Baits to place.
    pub baits: Vec<Bait>,
    /// Environment variables, besides those that every environment has.
    pub setenv: Vec<(String, String)>,
    /// Controls to put on, in order.
    pub controls: Vec<Control>,
    /// The addresses of its network device, whose outer end is handed out; without any there is but loopback.
    pub network: Option<Addresses>,
    /// Host paths that must not be seen (Detektr's data folder).
    pub hide: Vec<PathBuf>,
    /// Bytes of the files that will be placed before the first launch. What is given inside is kept in memory where
    /// that is little.
    pub placed: u64,
}

/// Where the files of an environment come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rootfs {
    /// The host's own, as every user may read it.
    Host,
    /// A folder that holds a root file system; all of it is seen.
    Dir(PathBuf),
}

/// Whom the artifact runs as, inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunAs {
    /// Root of the environment.
    Root,
    /// The run's ordinary user.
    User,
}

/// Whether programs can use io_uring inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IoUring {
    /// They can, but where a ring could send content over AF_VSOCK.
    #[default]
    Auto,
    /// They can, even where a ring could send content over AF_VSOCK.
    Allow,
    /// They can't.
    Refuse,
}

impl IoUring {
    /// Whether it is left as it is by default.
    pub fn is_auto(&self) -> bool {
        *self == IoUring::Auto
    }
}

/// One program to launch.
#[derive(Debug)]
pub struct Program {
    /// Its arguments; the first one is searched in `PATH` where it has no slash.
    pub argv: Vec<OsString>,
    /// Its working directory; the user's home where absent.
    pub cwd: Option<PathBuf>,
    /// Standard input.
    pub stdin: OwnedFd,
    /// Standard output.
    pub stdout: OwnedFd,
    /// Standard error.
    pub stderr: OwnedFd,
    /// A sensor's seccomp program (raw `struct sock_filter` values: code, jt, jf, k).
    pub filter: Option<Vec<(u16, u8, u8, u32)>>,
    /// What Detektr's own filter refuses to it, beside AF_VSOCK.
    pub shut: Shut,
    /// Command lines that run before it, one after the other, as the same user and without controls; where one does
    /// not end with code 0, neither the rest nor the program itself is run.
    pub setup: Vec<Vec<OsString>>,
    /// Programs that watch it.
    pub monitors: Vec<Watcher>,
}

/// A program that watches the launched one.
#[derive(Debug)]
pub struct Watcher {
    /// When it runs, and as whom.
    pub when: When,
    /// Command lines that run before the program, each to its end with code 0.
    pub setup: Vec<Vec<OsString>>,
    /// Its own command line.
    pub argv: Vec<OsString>,
    /// Its standard output and standard error.
    pub output: OwnedFd,
    /// Set by whoever reads its output once it watches; where absent it does from its start on.
    pub ready: Option<Arc<AtomicBool>>,
    /// How long it goes on after the program; until it has nothing to do where absent.
    pub settle: Option<Duration>,
}

/// What became of a watching program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatcherEnd {
    /// How it ended, where that is known.
    pub exit: Option<ExitStatus>,
    /// It ended before the program that it watches did.
    pub early: bool,
    /// It went on until it was told to end, or ran to its end; else it was cut short, or never ran.
    pub whole: bool,
}

/// One program that a starter begins: as whom, where and with what. Nothing is added to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The file to execute; one without a slash is searched in the job's own `PATH`.
    pub program: Vec<u8>,
    /// Its arguments, its own name included.
    pub argv: Vec<Vec<u8>>,
    /// Its environment, `NAME=VALUE`.
    pub env: Vec<Vec<u8>>,
    /// Its working directory; `/` where there is no such folder.
    pub cwd: Vec<u8>,
    /// User, inside.
    pub uid: u32,
    /// Group, inside.
    pub gid: u32,
    /// What it reads (at most 64 KiB).
    pub stdin: Vec<u8>,
}
