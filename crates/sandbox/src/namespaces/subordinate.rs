//! Ids of an ordinary user's own: the ranges that `/etc/subuid` and `/etc/subgid` give to the caller, put to use by
//! newuidmap(1) and newgidmap(1), which alone may do that.
//!
//! The program moves into a user namespace where it is root (the caller's own id) and ids 1 to [`RANGE`] are the
//! subordinate ones. Environments made there get these and nothing else, so the caller's own files are a stranger's
//! inside, and root of the environment is never an id that is in use outside.

use super::clone::clone3;
use super::maps::{self, RANGE};
use crate::environment::real_root;
use crate::sys;
use std::convert::Infallible;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// First id of an environment's range, in the namespace of the program.
const BASE: u32 = 1;

/// What the caller may map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subordinate {
    uid: u32,
    gid: u32,
    /// `newuidmap` and `newgidmap`.
    tools: [PathBuf; 2],
}

/// Moves an ordinary user's program into a user namespace of its own, with the subordinate ids, and starts it anew
/// there with the same words: to be called first thing in `main`, before any thread. It returns where there is nothing
/// to gain, or no way: then environments have the caller's own id alone, and say so.
pub fn use_subordinate_ids() {
    // Root needs none; and whoever holds capabilities would lose them, and the ebpf sensor with them.
    if sys::euid() == 0 || capable() {
        return;
    }
    if let Ok(found) = Subordinate::find() {
        let _: io::Result<Infallible> = move_in(&found);
    }
}

/// First id of the range that this namespace has for environments, here and outside of it; `None` where there is no
/// such range, as for real root and for a lone id.
pub(crate) fn range() -> Option<(u32, u32)> {
    if sys::euid() != 0 || real_root() {
        return None;
    }
    let map = |name: &str| fs::read_to_string(Path::new("/proc/self").join(name)).ok();
    // Groups that can't be set can't be given up either.
    let groups = map("setgroups")?.trim() == "allow";
    let (uids, gids) = (mapped(&map("uid_map")?)?, mapped(&map("gid_map")?)?);
    (groups && gids > 0).then_some((BASE, uids))
}

/// The id outside of [`BASE`], where a whole range begins there, none of it host's root.
fn mapped(map: &str) -> Option<u32> {
    map.lines().find_map(|line| {
        let mut numbers = line.split_whitespace().map(|n| n.parse::<u32>().ok());
        let (inside, outside, count) = (numbers.next()??, numbers.next()??, numbers.next()??);
        let skipped = BASE.checked_sub(inside)?;
        let first = outside.checked_add(skipped)?;
        (first != 0 && count.checked_sub(skipped)? >= RANGE).then_some(first)
    })
}

impl Subordinate {
    /// Looks for ranges and tools; why not, where there are none.
    pub(crate) fn find() -> Result<Subordinate, String> {
        let tool = |name: &str| {
            ["/usr/bin", "/bin", "/usr/local/bin"]
                .iter()
                .map(|folder| Path::new(folder).join(name))
                .find(|path| path.is_file())
                .ok_or_else(|| format!("{name} is not installed"))
        };
        let tools = [tool("newuidmap")?, tool("newgidmap")?];
        let (uid, gid) = (sys::euid(), sys::egid());
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let name = name_of(&passwd, uid);
        let first = |file: &str, own: u32| {
            let text = fs::read_to_string(file).unwrap_or_default();
            range_of(&text, &[&uid.to_string(), name.unwrap_or_default()], own)
                .ok_or_else(|| format!("{file} gives no {RANGE} ids to {}", name.unwrap_or("the caller")))
        };
        Ok(Subordinate { uid: first("/etc/subuid", uid)?, gid: first("/etc/subgid", gid)?, tools })
    }

    /// Maps the ids of a process that has just made its user namespace.
    pub(crate) fn map(&self, pid: u32) -> Result<(), String> {
        for (tool, own, first) in
            [(&self.tools[0], sys::euid(), self.uid), (&self.tools[1], sys::egid(), self.gid)]
        {
            let numbers = [pid, 0, own, 1, BASE, first, RANGE].map(|n| n.to_string());
            let done = Command::new(tool).args(numbers).env_clear().stdin(Stdio::null()).output();
            let done = done.map_err(|e| format!("{}: {e}", tool.display()))?;
            if !done.status.success() {
                let why = String::from_utf8_lossy(&done.stderr).trim().to_owned();
                return Err(if why.is_empty() {
                    format!("{}: {}", tool.display(), done.status)
                } else {
                    why
                });
            }
        }
        Ok(())
    }
}

/// The name of a user in the text of `/etc/passwd`.
fn name_of(passwd: &str, uid: u32) -> Option<&str> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

/// The first whole range that the text of `/etc/subuid` gives to one of `names`: without host's root, and without the
/// id `own`, which is mapped beside it.
fn range_of(text: &str, names: &[&str], own: u32) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut fields = line.trim().split(':');
        let (name, first, count) = (fields.next()?, fields.next()?, fields.next()?);
        let (first, count): (u32, u32) = (first.parse().ok()?, count.parse().ok()?);
        let end = first.checked_add(RANGE)?;
        let whole = first > 0 && count >= RANGE && !(first..end).contains(&own);
        (whole && !name.is_empty() && names.contains(&name)).then_some(first)
    })
}

/// Whether the caller holds any capability.
fn capable() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let held = status.lines().find_map(|l| u64::from_str_radix(l.strip_prefix("CapEff:")?.trim(), 16).ok());
    held != Some(0)
}

/// The helper that maps the ids can't be this process: only one outside of the new namespace may.
fn move_in(found: &Subordinate) -> io::Result<Infallible> {
    let own = std::process::id();
    let (wait, go) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    // SAFETY: the caller has one thread still, so the child may do whatever a program may.
    let Some(helper) = (unsafe { clone3(0, None) })? else {
        drop(go);
        let mut word = [0u8; 1];
        let told = rustix::io::read(&wait, &mut word) == Ok(1);
        if told && let Err(why) = found.map(own) {
            eprintln!("detektr: the subordinate ids can't be used: {why}");
            let _ = alone(own);
        }
        std::process::exit(0)
    };
    let made = sys::unshare(libc::CLONE_NEWUSER);
    if made.is_ok() {
        let _ = rustix::io::write(&go, b"g");
    }
    drop(go);
    maps::reap(&helper);
    made?;
    let mut words = std::env::args_os();
    let mut again = Command::new("/proc/self/exe");
    if let Some(name) = words.next() {
        again.arg0(name);
    }
    Err(again.args(words).exec())
}

/// The caller's own id alone, of whatever is not mapped yet.
fn alone(pid: u32) -> io::Result<()> {
    let folder = PathBuf::from(format!("/proc/{pid}"));
    for (name, own) in [("uid_map", sys::euid()), ("gid_map", sys::egid())] {
        let file = folder.join(name);
        if fs::read_to_string(&file)?.trim().is_empty() {
            if name == "gid_map" {
                fs::write(folder.join("setgroups"), "deny")?;
            }
            fs::write(&file, format!("0 {own} 1\n"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_range_of_the_caller_without_root_and_the_callers_own_id_is_taken() {
        let find = |text| range_of(text, &["1000", "anna"], 1000);
        assert_eq!(find("anna:100000:65536\n"), Some(100_000));
        assert_eq!(find("bob:100000:65536\n1000:200000:65536\n"), Some(200_000));
        assert_eq!(find("anna:100000:65535\nanna:300000:131072\n"), Some(300_000), "too few, then enough");
        assert_eq!(find("anna:0:65536\n"), None, "host's root");
        assert_eq!(find("anna:500:65536\n"), None, "the caller's own id");
        assert_eq!(find("anna:4294967000:65536\n"), None, "past the last id");
        assert_eq!(find("anna:-5:65536\nanna:x:65536\nanna\n:100000:65536\n"), None);
        assert_eq!(range_of(":100000:65536\n", &["1000", ""], 1000), None, "a user without a name");
    }

    #[test]
    fn a_users_name_is_that_of_the_id() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\n:x:7:7::/:\n";
        assert_eq!(name_of(passwd, 1000), Some("anna"));
        assert_eq!(name_of(passwd, 100), None);
        assert_eq!(name_of(passwd, 7), None);
    }

    #[test]
    fn a_namespace_has_a_range_only_where_a_whole_one_begins_at_its_first_id_and_misses_hosts_root() {
        assert_eq!(
            mapped("         0       1000          1\n         1     100000      65536\n"),
            Some(100_000)
        );
        assert_eq!(mapped("0 100000 65537\n"), Some(100_001));
        assert_eq!(mapped("0 100000 65536\n"), None);
        assert_eq!(mapped("0 1000 1\n"), None);
        assert_eq!(mapped("1 0 65536\n"), None);
        assert_eq!(mapped("2 100000 65536\n"), None);
        assert_eq!(mapped(""), None);
    }
}
