//! What one process did, summed up: files, secrets, network, other things of note, failures. Each list is
//! bounded; what did not fit is counted.

use crate::clean::{clean, path};
use crate::describe;
use detektr_event::glob::Glob;
use detektr_event::{Access, Detail, Event, FilePath, Kind, OutcomeResult, Text};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Most entries kept of each list of one process.
const KEPT: usize = 1_000;

/// Reading these tells something even where nobody planted them.
const SECRETS: &[&str] = &[
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/sudoers",
    "/etc/sudoers.d/**",
    "/etc/ssh/ssh_host_*",
    "/etc/ssl/private/**",
    "/etc/krb5.keytab",
    "/etc/security/opasswd",
    "**/.ssh/**",
    "**/.aws/**",
    "**/.azure/**",
    "**/.config/gcloud/**",
    "**/.kube/**",
    "**/.docker/config.json",
    "**/.gnupg/**",
    "**/.netrc",
    "**/.git-credentials",
    "**/.npmrc",
    "**/.pypirc",
    "**/.pgpass",
    "**/.*_history",
    "/proc/*/mem",
    "/proc/*/environ",
    "/proc/kcore",
    "/dev/mem",
    "/dev/kmem",
    "/run/secrets/**",
    "/var/run/secrets/**",
    "**/docker.sock",
    "**/containerd.sock",
];

/// The same, read once.
static PATTERNS: LazyLock<Vec<Glob>> =
    LazyLock::new(|| SECRETS.iter().flat_map(|text| text.parse()).collect());

/// A list that keeps only its first entries.
#[derive(Debug, Default)]
pub struct Bounded<K, V> {
    /// What was kept.
    pub kept: BTreeMap<K, V>,
    /// How many others there were (an other seen twice counts twice).
    pub more: u64,
}

impl<K: Ord, V: Default> Bounded<K, V> {
    fn at(&mut self, key: K) -> Option<&mut V> {
        if self.kept.len() >= KEPT && !self.kept.contains_key(&key) {
            self.more += 1;
            return None;
        }
        Some(self.kept.entry(key).or_default())
    }
}

/// What was done to one path.
#[derive(Debug, Default, Serialize)]
pub struct FileActs {
    /// `created`, `written`, `changed`, `removed`, `moved_away`, `moved_here`.
    pub did: BTreeSet<&'static str>,
    /// Bytes written.
    pub bytes: u64,
}

/// A failed act.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FailedAct {
    /// How much it tells: 0 for a refusal, 1 for the rest, 2 for a thing that was not there.
    #[serde(skip)]
    pub weight: u8,
    /// Kind of the event.
    pub kind: &'static str,
    /// The error, or `unfinished`.
    pub ending: String,
    /// What it was done to; empty for things that were not there.
    pub object: String,
}

/// What one process did.
#[derive(Debug, Default)]
pub struct Acts {
    /// By path.
    pub files: Bounded<Text, FileActs>,
    /// Baits and secrets, with how the attempt ended.
    pub secrets: Bounded<String, u64>,
    /// `connect 1.2.3.4:80`, with how it ended.
    pub network: Bounded<String, u64>,
    /// Other things of note.
    pub notable: Bounded<String, u64>,
    /// What failed, with the count.
    pub failures: Bounded<FailedAct, u64>,
    /// Files opened for reading.
    pub reads: u64,
}

impl Acts {
    /// Adds `event`, which the process made.
    pub fn add(&mut self, event: &Event) {
        if event.kind() != Kind::BaitRead {
            self.add_secret(event);
        }
        if let Some(line) = network(event) {
            count(&mut self.network, with_ending(line, event));
            return;
        }
        if event.outcome.result != OutcomeResult::Success {
            self.add_failure(event);
            return;
        }
        match &event.detail {
            Detail::FileOpen { file } if matches!(file.access, Access::Read | Access::Path) => {
                self.reads += 1
            }
            Detail::BaitRead { bait } => count(&mut self.secrets, format!("bait {}", clean(&bait.bait))),
            Detail::BaitExfiltrated { bait } => {
                count(&mut self.secrets, format!("bait {} sent out", clean(&bait.bait)));
            }
            detail => {
                self.add_file(detail);
                if is_notable(detail) {
                    count(
                        &mut self.notable,
                        format!("{} {}", detail.kind().name(), describe::object(detail)),
                    );
                }
            }
        }
    }

    fn add_file(&mut self, detail: &Detail) {
        match detail {
            Detail::FileCreate { file } => self.file(&file.path, "created", 0),
            Detail::FileMkdir { file } | Detail::FileMknod { file } => self.file(&file.path, "created", 0),
            Detail::FileLink { file } | Detail::FileSymlink { file } => self.file(&file.path, "created", 0),
            Detail::FileWrite { file } if file.bytes > 0 || file.mapped => {
                self.file(&file.path, "written", file.bytes);
            }
            Detail::FileChmod { file } | Detail::FileChown { file } => self.file(&file.path, "changed", 0),
            Detail::FileTruncate { file } => self.file(&file.path, "changed", 0),
            Detail::FileXattr { file } => self.file(&file.path, "changed", 0),
            Detail::FileUnlink { file } | Detail::FileRmdir { file } => self.file(&file.path, "removed", 0),
            Detail::FileRename { file } => {
                self.file(&file.path, "moved_away", 0);
                self.file(&file.to, "moved_here", 0);
            }
            _ => {}
        }
    }

    fn file(&mut self, of: &FilePath, did: &'static str, bytes: u64) {
        let key = match (&of.path_root, of.path.text()) {
            (None, Some(text)) => text.clone(),
            _ => Text::from(path(of)),
        };
        // pipes, sockets and the like are no files of the environment
        if !key.as_bytes().starts_with(b"/") {
            return;
        }
        if let Some(acts) = self.files.at(key) {
            acts.did.insert(did);
            acts.bytes = acts.bytes.saturating_add(bytes);
        }
    }

    fn add_secret(&mut self, event: &Event) {
        let secret = match &event.detail {
            Detail::FileOpen { file } if file.access != Access::Path => &file.path,
            Detail::FileLink { file } | Detail::FileSymlink { file } => match &file.source {
                Some(source) => source,
                None => return,
            },
            _ => return,
        };
        let is_secret =
            secret.path.text().is_some_and(|text| PATTERNS.iter().any(|glob| glob.matches(text.as_bytes())));
        if is_secret {
            count(&mut self.secrets, with_ending(path(secret), event));
        }
    }

    fn add_failure(&mut self, event: &Event) {
        let ending = describe::ending(event);
        let weight = match event.outcome.errno.as_deref() {
            Some("EPERM" | "EACCES" | "EROFS") => 0,
            Some("ENOENT" | "ENOTDIR" | "ESRCH" | "EAGAIN" | "EINTR" | "EEXIST" | "ENXIO") => 2,
            _ if event.outcome.skipped => 0,
            _ => 1,
        };
        let told = weight < 2 || event.kind() == Kind::ProcessExec;
        let object = if told { describe::object(&event.detail) } else { String::new() };
        let weight = if told { weight.min(1) } else { weight };
        let act = FailedAct { weight, kind: event.kind().name(), ending, object };
        if let Some(n) = self.failures.at(act) {
            *n += 1;
        }
    }
}

fn count<K: Ord>(list: &mut Bounded<K, u64>, key: K) {
    if let Some(n) = list.at(key) {
        *n += 1;
    }
}

fn with_ending(line: String, event: &Event) -> String {
    match describe::ending(event) {
        ending if ending.is_empty() => line,
        ending => format!("{line} ({ending})"),
    }
}

fn network(event: &Event) -> Option<String> {
    let word = match event.kind() {
        Kind::NetworkConnect => "connect",
        Kind::NetworkBind => "bind",
        Kind::NetworkAccept => "accept",
        Kind::NetworkSend => "send",
        Kind::NetworkRawSocket => "raw socket",
        Kind::NetworkDns => "dns",
        Kind::NetworkHttp => "http",
        Kind::NetworkTls => "tls",
        _ => return None,
    };
    Some(format!("{word} {}", describe::object(&event.detail)))
}

fn is_notable(detail: &Detail) -> bool {
    match detail {
        Detail::ProcessSignal { signal } => signal.call == "kernel",
        Detail::ProcessCredentials { credentials } => credentials.old != credentials.new,
        other => matches!(
            other.kind(),
            Kind::ProcessNamespace
                | Kind::ProcessPtrace
                | Kind::ProcessMemoryWrite
                | Kind::ProcessMemoryExec
                | Kind::ProcessChroot
                | Kind::ProcessSeccomp
                | Kind::ProcessArgumentRace
                | Kind::FileMount
                | Kind::FileUmount
                | Kind::FilePivotRoot
                | Kind::FileMemfdCreate
                | Kind::KernelModuleLoad
                | Kind::KernelBpf
                | Kind::KernelIoUring
                | Kind::KernelKeyctl
                | Kind::KernelKexec
                | Kind::KernelSysctlWrite
                | Kind::LogMessage
        ),
    }
}
