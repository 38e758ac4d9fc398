//! The finders, one mechanism a file. Each is asked about every changed path and reads what the file says; a name in
//! the right folder is not enough.

mod accounts;
mod at;
mod autostart;
mod cron;
mod git;
mod kernel;
mod pam;
mod preload;
mod script;
mod setuid;
mod shell;
mod ssh;
mod sudoers;
mod systemd;
mod sysv;
mod udev;

use super::lines::{new_lines, says_something};
use super::{Entry, Found, Journal, Mechanism, Reason, Status, Tree, Users};
use crate::changes::{Change, FileType};
use std::collections::BTreeSet;

/// What the finders look at.
pub struct Look<'a> {
    /// What changed.
    pub changes: &'a [Change],
    /// The files as they were.
    pub before: &'a dyn Tree,
    /// The files as they are.
    pub after: &'a dyn Tree,
    /// Which events made them.
    pub journal: &'a Journal,
    /// The users as they are.
    pub users: &'a Users,
    /// The name of the ordinary user who works on the system.
    pub person: &'a str,
}

/// Everything that was installed, by place. What is there and does nothing (a comment, a sample) is no entry.
pub fn find(look: &Look<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for change in look.changes {
        let Ok(path) = std::str::from_utf8(change.path.as_bytes()) else { continue };
        if change.after.is_none() {
            continue;
        }
        let site = Site { look, change, path };
        for finder in [
            cron::find,
            at::find,
            sysv::find,
            shell::find,
            preload::find,
            pam::find,
            ssh::find,
            sudoers::find,
            udev::find,
            autostart::find,
            script::motd,
            git::find,
            kernel::find,
            setuid::find,
            accounts::find,
        ] {
            found.extend(finder(&site));
        }
    }
    found.extend(systemd::find(look));
    found.extend(removed(look));
    found.sort_by(|a, b| {
        let key =
            |found: &Found| (found.entry.path.clone(), found.entry.mechanism, found.entry.lines.clone());
        key(a).cmp(&key(b))
    });
    found
}

/// One changed path.
struct Site<'a> {
    look: &'a Look<'a>,
    change: &'a Change,
    path: &'a str,
}

impl Site<'_> {
    /// Folder and name.
    fn split(&self) -> (&str, &str) {
        self.path.rsplit_once('/').unwrap_or(("", self.path))
    }

    /// An entry here.
    fn entry(&self, mechanism: Mechanism) -> Entry {
        self.look.entry(mechanism, self.path)
    }

    /// What the file holds now.
    fn content(&self) -> Vec<u8> {
        self.look.after.read(self.path).unwrap_or_default()
    }

    /// Whether there was no file of that name.
    fn is_new(&self) -> bool {
        self.change.before.is_none()
    }

    /// Whether the file itself, a regular one, has another content or is new.
    fn rewritten(&self) -> bool {
        let hash =
            |state: &Option<crate::changes::FileState>| state.as_ref().and_then(|state| state.sha256.clone());
        let link = self.change.after.as_ref().is_some_and(|state| state.file_type == FileType::Symlink);
        self.is_new() || link || hash(&self.change.before) != hash(&self.change.after)
    }

    /// The new lines that say something.
    fn lines(&self) -> Vec<String> {
        let before = if self.is_new() { None } else { self.look.before.read(self.path) };
        let mut lines = new_lines(before.as_deref(), &self.content());
        lines.retain(|line| says_something(line));
        lines
    }

    /// Whether nobody but root may have written it: the owner is root (or `owner`), and nobody else may write.
    fn trusted(&self, owner: u32) -> bool {
        let node = self.look.after.node(self.path);
        node.is_some_and(|node| (node.uid == 0 || node.uid == owner) && node.mode & 0o022 == 0)
    }
}

impl Look<'_> {
    fn entry(&self, mechanism: Mechanism, path: &str) -> Entry {
        Entry { made_by: self.journal.made(path), ..Entry::new(mechanism, path) }
    }

    /// Where a path leads, or the path itself.
    fn real(&self, path: &str) -> String {
        self.after.resolve(path).unwrap_or_else(|| path.to_owned())
    }

    /// As whom a system-wide entry is tried: root, and the ordinary user.
    fn everybody(&self) -> Vec<String> {
        let mut names = vec!["root".to_owned()];
        if self.person != "root" && self.users.named(self.person).is_some() {
            names.push(self.person.to_owned());
        }
        names
    }
}

impl Found {
    /// An entry that nothing starts, for `reason`.
    fn idle(mut entry: Entry, reason: Reason) -> Self {
        entry.reason = Some(reason);
        Found { entry, starts: Vec::new() }
    }
}

/// A name that `run-parts` takes.
fn run_parts_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Words of a command line, with quotes and backslashes.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some('"') | None, '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// What was written where persistence is kept, and is gone or as it was.
fn removed(look: &Look<'_>) -> Vec<Found> {
    let changed: BTreeSet<&[u8]> = look.changes.iter().map(|change| change.path.as_bytes()).collect();
    let mut found = Vec::new();
    let mut tell = |path: &str, last: Option<u64>| {
        if let Some(mechanism) = place(look, path) {
            let mut entry = look.entry(mechanism, path);
            entry.made_by.extend(last);
            entry.status = Status::Removed;
            found.push(Found { entry, starts: Vec::new() });
        }
    };
    let mut told = BTreeSet::new();
    for (path, seq) in look.journal.taken_away() {
        if look.after.node(path).is_none() && look.before.node(path).is_none() {
            tell(path, Some(seq));
            told.insert(path);
        }
    }
    for path in look.journal.written().filter(|path| !told.contains(path)) {
        if look.before.node(path).is_some() && !changed.contains(path.as_bytes()) {
            tell(path, None);
        }
    }
    found
}

/// The mechanism that a path belongs to, by the path alone: of what is gone there is nothing to read.
fn place(look: &Look<'_>, path: &str) -> Option<Mechanism> {
    let (folder, name) = path.rsplit_once('/')?;
    if name.ends_with(".swp") || name.ends_with('~') || name.starts_with("tmp.") {
        return None;
    }
    if git::hook(path).is_some() {
        return Some(Mechanism::GitHook);
    }
    if let Some((_, rest)) = look.users.at_home(path) {
        return match rest {
            ".ssh/authorized_keys" | ".ssh/authorized_keys2" | ".ssh/rc" => Some(Mechanism::SshKey),
            _ if shell::in_home(rest) => Some(Mechanism::ShellProfile),
            _ if rest.starts_with(".config/autostart/") => Some(Mechanism::Autostart),
            _ if rest.contains("systemd/user/") => systemd::kind_of(name),
            _ => None,
        };
    }
    match folder {
        "/etc/cron.d" | "/var/spool/cron/crontabs" | "/var/spool/cron" => Some(Mechanism::Cron),
        _ if cron::PERIODS.contains(&folder) || path == "/etc/crontab" => Some(Mechanism::Cron),
        "/var/spool/at" | "/var/spool/cron/atjobs" => Some(Mechanism::At),
        "/etc/init.d" => Some(Mechanism::InitScript),
        "/etc/profile.d" => Some(Mechanism::ShellProfile),
        "/etc/pam.d" => Some(Mechanism::Pam),
        "/etc/sudoers.d" => Some(Mechanism::Sudoers),
        "/etc/update-motd.d" => Some(Mechanism::Motd),
        "/etc/modules-load.d" => Some(Mechanism::KernelModule),
        "/etc/xdg/autostart" => Some(Mechanism::Autostart),
        _ if folder.ends_with("/udev/rules.d") => Some(Mechanism::Udev),
        _ if folder.contains("/systemd/system") || folder.contains("/systemd/user") => systemd::kind_of(name),
        _ => match path {
            "/etc/ld.so.preload" => Some(Mechanism::Preload),
            "/etc/rc.local" | "/etc/rc.d/rc.local" => Some(Mechanism::RcLocal),
            "/etc/sudoers" => Some(Mechanism::Sudoers),
            "/etc/passwd" => Some(Mechanism::Account),
            _ if shell::SYSTEM.contains(&path) => Some(Mechanism::ShellProfile),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests;
