//! Persistence: what a run installed so that something starts again, and whether it did.
//!
//! [`find`] reads the file-system difference and what lies in the files, and tells each entry that a real system
//! would act on, with the ways in which it would ([`Start`]). The detonation goes these ways in its trigger phases;
//! a [`Prover`] follows them in the events and says which entries really ran. The result, [`Persistence`], is
//! `persistence.json` of the bundle. Nothing here does any input or output: the files come through a [`Tree`].

mod find;
mod journal;
mod lines;
mod proof;
mod tree;
mod users;

pub use find::{Look, find};
pub use journal::Journal;
pub use proof::{Prover, Target};
pub use tree::{Node, Tree};
pub use users::{User, Users};

use crate::error::{EvidenceError, Result};
use detektr_event::{Phase, Text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The format that this version writes and reads.
pub const FORMAT: &str = "detektr.persistence/1";

/// `persistence.json`: what was installed, and what of it ran again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Persistence {
    /// `detektr.persistence/1`.
    pub format: String,
    /// The trigger phases that ran, in order.
    pub phases: Vec<Triggered>,
    /// What was installed, by place.
    pub entries: Vec<Entry>,
}

/// Reads `persistence.json`, and refuses by name the format of another version.
pub(crate) fn parse(bytes: &[u8], path: &Path) -> Result<Persistence> {
    #[derive(Deserialize)]
    struct Format {
        format: String,
    }
    let malformed = |e: serde_json::Error| EvidenceError::Malformed {
        path: path.to_owned(),
        what: "an account of persistence",
        why: e.to_string(),
    };
    let Format { format } = serde_json::from_slice(bytes).map_err(malformed)?;
    if format != FORMAT {
        return Err(EvidenceError::UnknownFormat { found: format, known: FORMAT });
    }
    serde_json::from_slice(bytes).map_err(malformed)
}

/// One trigger phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Triggered {
    /// Which.
    pub phase: Phase,
    /// How many programs Detektr's starter began in it.
    pub started: usize,
    /// How it ended: `completed`, `settled` (what was still running had its time), or the reason that cut it short.
    pub end: String,
}

/// A way to be started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it; docs/persistence.md tells each")]
pub enum Mechanism {
    Cron,
    At,
    SystemdService,
    SystemdTimer,
    InitScript,
    RcLocal,
    ShellProfile,
    Preload,
    Pam,
    SshKey,
    Sudoers,
    Udev,
    Autostart,
    Motd,
    GitHook,
    KernelModule,
    Setuid,
    Account,
}

impl Mechanism {
    /// Every way.
    pub const ALL: [Mechanism; 18] = [
        Mechanism::Cron,
        Mechanism::At,
        Mechanism::SystemdService,
        Mechanism::SystemdTimer,
        Mechanism::InitScript,
        Mechanism::RcLocal,
        Mechanism::ShellProfile,
        Mechanism::Preload,
        Mechanism::Pam,
        Mechanism::SshKey,
        Mechanism::Sudoers,
        Mechanism::Udev,
        Mechanism::Autostart,
        Mechanism::Motd,
        Mechanism::GitHook,
        Mechanism::KernelModule,
        Mechanism::Setuid,
        Mechanism::Account,
    ];

    /// The name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Mechanism::Cron => "cron",
            Mechanism::At => "at",
            Mechanism::SystemdService => "systemd_service",
            Mechanism::SystemdTimer => "systemd_timer",
            Mechanism::InitScript => "init_script",
            Mechanism::RcLocal => "rc_local",
            Mechanism::ShellProfile => "shell_profile",
            Mechanism::Preload => "preload",
            Mechanism::Pam => "pam",
            Mechanism::SshKey => "ssh_key",
            Mechanism::Sudoers => "sudoers",
            Mechanism::Udev => "udev",
            Mechanism::Autostart => "autostart",
            Mechanism::Motd => "motd",
            Mechanism::GitHook => "git_hook",
            Mechanism::KernelModule => "kernel_module",
            Mechanism::Setuid => "setuid",
            Mechanism::Account => "account",
        }
    }

    /// The technique of ATT&CK (v19.1), by id.
    pub const fn technique(self) -> &'static str {
        match self {
            Mechanism::Cron => "T1053.003",
            Mechanism::At => "T1053.002",
            Mechanism::SystemdService => "T1543.002",
            Mechanism::SystemdTimer => "T1053.006",
            Mechanism::InitScript | Mechanism::RcLocal => "T1037.004",
            Mechanism::ShellProfile => "T1546.004",
            Mechanism::Preload => "T1574.006",
            Mechanism::Pam => "T1556.003",
            Mechanism::SshKey => "T1098.004",
            Mechanism::Sudoers => "T1548.003",
            Mechanism::Udev => "T1546.017",
            Mechanism::Autostart => "T1547.013",
            Mechanism::Motd => "T1037",
            Mechanism::GitHook => "T1546",
            Mechanism::KernelModule => "T1547.006",
            Mechanism::Setuid => "T1548.001",
            Mechanism::Account => "T1136.001",
        }
    }
}

/// Whether it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A trigger phase started it, and events show that it ran.
    Proven,
    /// It is there, and was not seen to run: `reason` says why.
    Installed,
    /// The run took it away again before it ended.
    Removed,
}

impl Status {
    /// The name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Status::Proven => "proven",
            Status::Installed => "installed",
            Status::Removed => "removed",
        }
    }
}

/// Why an entry was not proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The phase that would start it was not asked for.
    NotTriggered,
    /// The phase could not be run, or was cut short before its turn.
    NotReached,
    /// Nothing enables it.
    Disabled,
    /// Its time never comes.
    Never,
    /// The program that it names is not there.
    ProgramAbsent,
    /// The program can't be executed (mode, format, interpreter).
    NotExecutable,
    /// Whoever reads it ignores it for its owner, mode or name.
    Ignored,
    /// What it says is no valid entry.
    Invalid,
    /// It was started and ended by a signal before anything was seen of it.
    Crashed,
    /// It was started, and nothing that it names was seen.
    NoEffect,
    /// It lets somebody in or up, and starts nothing by itself.
    GrantsAccess,
    /// It runs as a user that this environment doesn't have.
    OtherUser,
    /// No trigger phase does what would start it.
    NotEmulated,
}

impl Reason {
    /// The code, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::NotTriggered => "not_triggered",
            Reason::NotReached => "not_reached",
            Reason::Disabled => "disabled",
            Reason::Never => "never",
            Reason::ProgramAbsent => "program_absent",
            Reason::NotExecutable => "not_executable",
            Reason::Ignored => "ignored",
            Reason::Invalid => "invalid",
            Reason::Crashed => "crashed",
            Reason::NoEffect => "no_effect",
            Reason::GrantsAccess => "grants_access",
            Reason::OtherUser => "other_user",
            Reason::NotEmulated => "not_emulated",
        }
    }
}

/// One installed entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The way.
    pub mechanism: Mechanism,
    /// Its technique of ATT&CK, by id.
    pub technique: String,
    /// The file, inside the environment.
    pub path: Text,
    /// The lines that are new (of a script or program: none).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Text>,
    /// What it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<Text>,
    /// As whom, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The events that put it there, by number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made_by: Vec<u64>,
    /// Whether it ran.
    pub status: Status,
    /// Why it was not seen to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What started it, where it is proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggered_by: Option<String>,
    /// The phase in which that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The events that prove it, by number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proven_by: Vec<u64>,
}

impl Entry {
    /// An entry at `path` of which nothing more is known.
    fn new(mechanism: Mechanism, path: &str) -> Self {
        Entry {
            mechanism,
            technique: mechanism.technique().into(),
            path: path.into(),
            lines: Vec::new(),
            runs: None,
            user: None,
            made_by: Vec::new(),
            status: Status::Installed,
            reason: None,
            triggered_by: None,
            phase: None,
            proven_by: Vec::new(),
        }
    }
}

/// An entry, and the ways in which a real system would start it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The entry.
    pub entry: Entry,
    /// The ways; none where `entry.reason` says why nothing can be started.
    pub starts: Vec<Start>,
}

/// One way to start an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// In which phase.
    pub phase: Phase,
    /// As whom, by name.
    pub user: String,
    /// What starts it, for people: `cron`, `systemd`, …
    pub by: String,
    /// What has to be started.
    pub what: What,
    /// What shows that the entry ran.
    pub rule: Rule,
}

/// What a starter begins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A line that a shell runs.
    Line {
        /// The shell.
        shell: String,
        /// The line.
        line: String,
        /// Variables of its own.
        env: Vec<(String, String)>,
        /// What it reads.
        stdin: String,
    },
    /// A program with its arguments (its own name first).
    Program {
        /// The file.
        file: String,
        /// Arguments.
        argv: Vec<String>,
        /// Variables of its own.
        env: Vec<(String, String)>,
        /// Its working directory; by default the user's home, or `/` for a service.
        cwd: Option<String>,
    },
    /// The shells that a login starts, of each kind and in each mode.
    Shells,
    /// Any program at all.
    Anything,
    /// A commit in a repository.
    Commit {
        /// Its working tree.
        tree: String,
    },
}

/// What shows that an entry ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The started program itself was executed.
    Program,
    /// A shell that was given the line executed a program, or touched a file that the line names.
    Line(Vec<String>),
    /// A shell read the file, and then executed a program or touched a file that its new lines name.
    Lines {
        /// The file.
        file: String,
        /// What the lines name: paths, and names of programs.
        names: Vec<String>,
    },
    /// Something that was started executed the file.
    Executes(String),
    /// Something that was started opened the file.
    Opens(String),
    /// The started program was executed, and the kernel gave it the rights of this user.
    Setuid(u32),
}
