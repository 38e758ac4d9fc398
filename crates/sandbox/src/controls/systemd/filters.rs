//! The directives that systemd brings about by seccomp, as profiles in the JSON of OCI runtimes: one a directive, as
//! systemd installs one each.

use super::syscalls;
use super::words::{Wrong, list};
use crate::controls::Measure;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A condition on an argument that must have these bits.
fn masked(index: u8, bits: u64) -> Value {
    json!({"index": index, "value": bits, "valueTwo": bits, "op": "SCMP_CMP_MASKED_EQ"})
}

fn compare(index: u8, op: &str, value: u64) -> Value {
    json!({"index": index, "value": value, "op": op})
}

/// Calls that fail with `errno` where all `args` are so.
fn denied(names: &[&str], args: &[Value], errno: i32) -> Value {
    json!({"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": errno, "args": args})
}

/// Everything passes but what `rules` say, by every door into the kernel.
fn all_but(rules: &[Value]) -> Measure {
    Measure::Seccomp(json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": rules,
    }))
}

/// A directive that denies groups of calls with EPERM.
pub(super) fn deny(names: &[&str]) -> Measure {
    let mut calls: BTreeSet<&str> = BTreeSet::new();
    for name in names {
        match syscalls::group(name) {
            Some(group) => calls.extend(group),
            None => {
                calls.insert(name);
            }
        }
    }
    all_but(&[denied(&calls.into_iter().collect::<Vec<_>>(), &[], libc::EPERM)])
}

/// `MemoryDenyWriteExecute=`.
pub(super) fn memory_deny_write_execute() -> Measure {
    let exec = libc::PROT_EXEC as u64;
    let both = exec | libc::PROT_WRITE as u64;
    all_but(&[
        denied(&["mmap", "mmap2"], &[masked(2, both)], libc::EPERM),
        denied(&["mprotect", "pkey_mprotect"], &[masked(2, exec)], libc::EPERM),
        denied(&["shmat"], &[masked(2, libc::SHM_EXEC as u64)], libc::EPERM),
    ])
}

/// `RestrictRealtime=`.
pub(super) fn restrict_realtime() -> Measure {
    const SCHED_ISO: u64 = 4;
    let policies = [libc::SCHED_FIFO as u64, libc::SCHED_RR as u64, SCHED_ISO];
    let mut rules: Vec<Value> = policies
        .iter()
        .map(|policy| denied(&["sched_setscheduler"], &[compare(1, "SCMP_CMP_EQ", *policy)], libc::EPERM))
        .collect();
    let above = compare(1, "SCMP_CMP_GT", libc::SCHED_IDLE as u64);
    rules.push(denied(&["sched_setscheduler"], &[above], libc::EPERM));
    all_but(&rules)
}

/// `RestrictSUIDSGID=`.
pub(super) fn restrict_suid_sgid() -> Measure {
    let mut rules = Vec::new();
    for bit in [u64::from(libc::S_ISUID), u64::from(libc::S_ISGID)] {
        let second = ["chmod", "fchmod", "mknod", "mkdir", "creat"];
        rules.push(denied(&second, &[masked(1, bit)], libc::EPERM));
        let third = ["fchmodat", "fchmodat2", "mknodat", "mkdirat"];
        rules.push(denied(&third, &[masked(2, bit)], libc::EPERM));
        let creates = libc::O_CREAT as u64;
        rules.push(denied(&["open"], &[masked(1, creates), masked(2, bit)], libc::EPERM));
        rules.push(denied(&["openat"], &[masked(2, creates), masked(3, bit)], libc::EPERM));
    }
    // its mode lies in memory, where a filter can't look
    rules.push(denied(&["openat2"], &[], libc::ENOSYS));
    all_but(&rules)
}

/// `LockPersonality=`: the personality stays the ordinary one.
pub(super) fn lock_personality() -> Measure {
    all_but(&[denied(&["personality"], &[compare(0, "SCMP_CMP_NE", 0)], libc::EPERM)])
}

const NAMESPACES: [(&str, u64); 8] = [
    ("cgroup", libc::CLONE_NEWCGROUP as u64),
    ("ipc", libc::CLONE_NEWIPC as u64),
    ("net", libc::CLONE_NEWNET as u64),
    ("mnt", libc::CLONE_NEWNS as u64),
    ("pid", libc::CLONE_NEWPID as u64),
    ("user", libc::CLONE_NEWUSER as u64),
    ("uts", libc::CLONE_NEWUTS as u64),
    ("time", 0x80),
];

/// The flags of the namespaces that a list names.
pub(super) fn namespaces(value: &str) -> Result<u64, Wrong> {
    list(value).iter().try_fold(0, |flags, name| {
        let known = NAMESPACES.iter().find(|(known, _)| known == name);
        known.map(|(_, flag)| flags | flag).ok_or_else(|| {
            let names: Vec<&str> = NAMESPACES.iter().map(|(name, _)| *name).collect();
            (format!("`{name}` is no kind of namespace"), format!("write some of {}", names.join(", ")))
        })
    })
}

/// All kinds of namespaces that `RestrictNamespaces=` is about.
pub(super) const ALL_NAMESPACES: u64 = {
    let (mut all, mut at) = (0, 0);
    while at < NAMESPACES.len() {
        all |= NAMESPACES[at].1;
        at += 1;
    }
    all
};

/// `RestrictNamespaces=`, where only those of `allowed` may be made or entered.
pub(super) fn restrict_namespaces(allowed: u64) -> Option<Measure> {
    let refused: Vec<u64> =
        NAMESPACES.iter().map(|(_, flag)| *flag).filter(|flag| allowed & flag == 0).collect();
    if refused.is_empty() {
        return None;
    }
    let mut rules = vec![
        // its flags lie in memory, where a filter can't look
        denied(&["clone3"], &[], libc::ENOSYS),
        // any kind at all
        denied(&["setns"], &[compare(1, "SCMP_CMP_EQ", 0)], libc::EPERM),
    ];
    for flag in refused {
        // the flag of time namespaces is part of clone's signal
        let by = if flag == 0x80 { &["unshare"][..] } else { &["unshare", "clone"] };
        rules.push(denied(by, &[masked(0, flag)], libc::EPERM));
        rules.push(denied(&["setns"], &[masked(1, flag)], libc::EPERM));
    }
    Some(all_but(&rules))
}

/// Address families by name (`socket.h`), in their order.
const FAMILIES: [&str; 46] = [
    "UNSPEC",
    "UNIX",
    "INET",
    "AX25",
    "IPX",
    "APPLETALK",
    "NETROM",
    "BRIDGE",
    "ATMPVC",
    "X25",
    "INET6",
    "ROSE",
    "DECnet",
    "NETBEUI",
    "SECURITY",
    "KEY",
    "NETLINK",
    "PACKET",
    "ASH",
    "ECONET",
    "ATMSVC",
    "RDS",
    "SNA",
    "IRDA",
    "PPPOX",
    "WANPIPE",
    "LLC",
    "IB",
    "MPLS",
    "CAN",
    "TIPC",
    "BLUETOOTH",
    "IUCV",
    "RXRPC",
    "ISDN",
    "PHONET",
    "IEEE802154",
    "CAIF",
    "ALG",
    "NFC",
    "VSOCK",
    "KCM",
    "QIPCRTR",
    "SMC",
    "XDP",
    "MCTP",
];

/// The number of `AF_…`.
fn family(name: &str) -> Option<u64> {
    let name = name.strip_prefix("AF_")?;
    let name = match name {
        "LOCAL" => "UNIX",
        "ROUTE" => "NETLINK",
        name => name,
    };
    FAMILIES.iter().position(|known| *known == name).map(|number| number as u64)
}

/// `RestrictAddressFamilies=`, as several assignments make it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Families {
    /// Those listed, and whether just they are allowed.
    listed: Option<(BTreeSet<u64>, bool)>,
}

impl Families {
    /// Takes one assignment.
    pub(super) fn assign(&mut self, value: &str) -> Result<(), Wrong> {
        if value.is_empty() {
            self.listed = None;
            return Ok(());
        }
        if value == "none" {
            self.listed = Some((BTreeSet::new(), true));
            return Ok(());
        }
        let (inverted, names) = value.strip_prefix('~').map_or((false, value), |names| (true, names));
        let mut numbers = BTreeSet::new();
        for name in list(names) {
            let number = family(&name).ok_or_else(|| {
                (format!("`{name}` is no address family"), "write it as in `AF_INET`".to_owned())
            })?;
            numbers.insert(number);
        }
        let (listed, allows) = self.listed.get_or_insert_with(|| (BTreeSet::new(), !inverted));
        // what is said the other way round takes away
        if *allows == inverted {
            listed.retain(|number| !numbers.contains(number));
        } else {
            listed.extend(numbers);
        }
        Ok(())
    }

    /// The profile, where anything is denied.
    pub(super) fn measure(&self) -> Option<Measure> {
        let (listed, allows) = self.listed.as_ref()?;
        let refuse = |args: &[Value]| denied(&["socket"], args, libc::EAFNOSUPPORT);
        let mut rules: Vec<Value> = (0..FAMILIES.len() as u64)
            .filter(|number| listed.contains(number) != *allows)
            .map(|number| refuse(&[compare(0, "SCMP_CMP_EQ", number)]))
            .collect();
        if *allows {
            rules.push(refuse(&[compare(0, "SCMP_CMP_GT", FAMILIES.len() as u64 - 1)]));
        }
        (!rules.is_empty()).then(|| all_but(&rules))
    }
}

/// `SystemCallArchitectures=`: the doors that are open; none where it restricts nothing.
pub(super) fn architectures(value: &str) -> Result<Option<Measure>, Wrong> {
    let names = list(value);
    if names.is_empty() {
        return Ok(None);
    }
    let mut open = BTreeSet::new();
    for name in &names {
        open.insert(match name.as_str() {
            "native" | "x86-64" => "SCMP_ARCH_X86_64",
            "x86" => "SCMP_ARCH_X86",
            "x32" => "SCMP_ARCH_X32",
            _ => {
                let what = format!("`{name}` is no architecture of this machine");
                return Err((what, "write native, x86-64, x86 or x32".into()));
            }
        });
    }
    Ok(Some(Measure::Seccomp(json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": open}))))
}

/// How a call is answered that is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Refusal {
    Kill,
    Errno(i32),
}

impl Refusal {
    /// An error by name or number, or `kill`; none where it is neither.
    pub(super) fn parse(text: &str) -> Option<Refusal> {
        if text == "kill" {
            return Some(Refusal::Kill);
        }
        let number = text.parse().ok().filter(|number| (0..=4095).contains(number));
        number.or_else(|| errno(text)).map(Refusal::Errno)
    }
}

/// The errors that units name (`errno(3)`).
fn errno(name: &str) -> Option<i32> {
    Some(match name {
        "EPERM" => libc::EPERM,
        "ENOENT" => libc::ENOENT,
        "EINTR" => libc::EINTR,
        "EIO" => libc::EIO,
        "E2BIG" => libc::E2BIG,
        "EBADF" => libc::EBADF,
        "EAGAIN" => libc::EAGAIN,
        "ENOMEM" => libc::ENOMEM,
        "EACCES" => libc::EACCES,
        "EFAULT" => libc::EFAULT,
        "EBUSY" => libc::EBUSY,
        "EINVAL" => libc::EINVAL,
        "EROFS" => libc::EROFS,
        "ENOSYS" => libc::ENOSYS,
        "ENOTSUP" | "EOPNOTSUPP" => libc::EOPNOTSUPP,
        "EAFNOSUPPORT" => libc::EAFNOSUPPORT,
        "EUCLEAN" => libc::EUCLEAN,
        _ => return None,
    })
}

/// `SystemCallFilter=`, as several assignments make it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CallFilter {
    /// Calls listed, with the answer that is given for each by itself; and whether just they are allowed.
    listed: Option<(BTreeMap<String, Option<Refusal>>, bool)>,
}

impl CallFilter {
    /// Takes one assignment.
    pub(super) fn assign(&mut self, value: &str) -> Result<(), Wrong> {
        if value.is_empty() {
            self.listed = None;
            return Ok(());
        }
        let (inverted, words) = value.strip_prefix('~').map_or((false, value), |words| (true, words));
        let mut named: Vec<(String, Option<Refusal>)> = Vec::new();
        for word in list(words) {
            let (name, answer) = match word.split_once(':') {
                Some((name, answer)) => {
                    let refusal = Refusal::parse(answer).ok_or_else(|| {
                        (format!("`{answer}` is no error"), "write it as in `EPERM`, or `kill`".to_owned())
                    })?;
                    (name.to_owned(), Some(refusal))
                }
                None => (word, None),
            };
            if name.starts_with('@') {
                let group = syscalls::group(&name).ok_or_else(|| {
                    let known: Vec<&str> = syscalls::groups().collect();
                    (format!("`{name}` is no group of system calls"), detektr_yaml::suggestion(&name, &known))
                })?;
                named.extend(group.into_iter().map(|call| (call.to_owned(), answer)));
            } else if syscalls::is_known(&name) {
                named.push((name, answer));
            } else {
                return Err((format!("`{name}` is no system call"), "check its spelling".into()));
            }
        }
        let (listed, allows) = self.listed.get_or_insert_with(|| {
            let always = syscalls::group("@default").unwrap_or_default();
            let begin = if inverted {
                BTreeMap::new()
            } else {
                always.into_iter().map(|c| (c.into(), None)).collect()
            };
            (begin, !inverted)
        });
        for (call, answer) in named {
            match (*allows == inverted, answer) {
                // what is said the other way round takes away, unless it says how to answer
                (true, None) => {
                    listed.remove(&call);
                }
                _ => {
                    listed.insert(call, answer);
                }
            }
        }
        Ok(())
    }

    /// The profile, where there is a filter; `otherwise` answers what is not let through.
    pub(super) fn measure(&self, otherwise: Refusal) -> Option<Measure> {
        let (listed, allows) = self.listed.as_ref()?;
        let mut by_answer: BTreeMap<Option<Refusal>, Vec<&str>> = BTreeMap::new();
        if *allows {
            // what systemd has never heard of does not exist for the service
            let known = syscalls::group("@known").unwrap_or_default();
            for call in known.into_iter().chain(listed.keys().map(String::as_str)).collect::<BTreeSet<_>>() {
                let answer = match listed.get(call) {
                    Some(own) => *own,
                    None => Some(otherwise),
                };
                by_answer.entry(answer).or_default().push(call);
            }
        } else {
            for (call, answer) in listed {
                by_answer.entry(Some(answer.unwrap_or(otherwise))).or_default().push(call);
            }
        }
        let rules: Vec<Value> = by_answer
            .into_iter()
            .map(|(answer, names)| match answer {
                None => json!({"names": names, "action": "SCMP_ACT_ALLOW"}),
                Some(Refusal::Kill) => json!({"names": names, "action": "SCMP_ACT_KILL_PROCESS"}),
                Some(Refusal::Errno(number)) => denied(&names, &[], number),
            })
            .collect();
        if rules.is_empty() {
            return None;
        }
        Some(match (allows, all_but(&rules)) {
            (true, Measure::Seccomp(mut profile)) => {
                profile["defaultAction"] = "SCMP_ACT_ERRNO".into();
                profile["defaultErrnoRet"] = libc::ENOSYS.into();
                Measure::Seccomp(profile)
            }
            (_, measure) => measure,
        })
    }
}
