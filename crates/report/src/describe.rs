//! An event in a few words for people: what it was done to, and how it ended.

use crate::clean::{clean, command_line, copied, path};
use detektr_event::{Address, Detail, Event, FilePath, OutcomeResult, Sha256};
use std::fmt::Write as _;

/// Longest command line shown, in characters.
const COMMAND: usize = 200;

/// What the event was done to or with, in one line.
pub fn object(detail: &Detail) -> String {
    // a bundle may come from anywhere: no word of it goes to a terminal as it is, names of calls included
    clean(&told(detail))
}

fn told(detail: &Detail) -> String {
    match detail {
        Detail::ProcessFork { fork } if fork.thread => format!("thread {}", fork.tid),
        Detail::ProcessFork { fork } => format!("pid {}", fork.pid),
        Detail::ProcessExec { exec } => {
            let mut text = path(&exec.file);
            if !exec.argv.is_empty() {
                let _ = write!(text, " [{}]", command_line(&exec.argv, COMMAND));
            }
            if exec.memfd {
                text.push_str(" (from memory)");
            } else if exec.deleted {
                text.push_str(" (deleted file)");
            }
            if let Sha256::Hash(hash) = &exec.sha256 {
                let _ = write!(text, " sha256:{}", hash.get(..12).unwrap_or(hash));
            }
            text
        }
        Detail::ProcessExit { exit } => match (&exit.code, &exit.signal) {
            (Some(code), _) => format!("code {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "unknown".into(),
        },
        Detail::ProcessCredentials { credentials: c } => {
            let ids = |c: &detektr_event::Credentials| [c.uid, c.euid, c.suid, c.gid, c.egid, c.sgid];
            let (old, new) = (&c.old.capabilities, &c.new.capabilities);
            let mut text = c.call.clone();
            if ids(&c.old) != ids(&c.new) || old == new {
                let _ = write!(text, " uid {}→{} gid {}→{}", c.old.euid, c.new.euid, c.old.egid, c.new.egid);
            }
            if old != new {
                let _ = write!(text, " capabilities {:x}→{:x}", old.effective, new.effective);
            }
            text
        }
        Detail::ProcessNamespace { namespace } => format!("{} {}", namespace.call, namespace.flags.join("|")),
        Detail::ProcessPtrace { ptrace } => format!("{} pid {}", ptrace.request, ptrace.target),
        Detail::ProcessMemoryWrite { memory_write: m } => match m.target {
            Some(target) => format!("{} pid {target}", m.via),
            None => m.via.clone(),
        },
        Detail::ProcessMemoryExec { memory_exec: m } => {
            let of = m.file.as_ref().map_or_else(|| "anonymous memory".into(), path);
            format!("{} {} bytes of {of} ({})", m.call, m.length, m.protection.join("|"))
        }
        Detail::ProcessSignal { signal } => {
            format!("{} to {} by {}", signal.signal, signal.target, signal.call)
        }
        Detail::ProcessSession { session } => session.call.clone(),
        Detail::ProcessRename { rename } => copied(&rename.name),
        Detail::ProcessChdir { chdir } => path(&chdir.directory),
        Detail::ProcessChroot { chroot } => path(&chroot.directory),
        Detail::ProcessSeccomp { seccomp } => match seccomp.instructions {
            Some(n) => format!("{} of {n} instructions", seccomp.mode),
            None => seccomp.mode.clone(),
        },
        Detail::ProcessArgumentRace { argument_race: race } => {
            format!("{}: {} became {}", race.call, copied(&race.at_entry), copied(&race.at_return))
        }
        Detail::FileWrite { file } => {
            let mapped = if file.mapped { ", mapped" } else { "" };
            format!("{} ({} bytes{mapped})", path(&file.path), file.bytes)
        }
        Detail::FileRename { file } => format!("{} → {}", path(&file.path), path(&file.to)),
        Detail::FileLink { file } | Detail::FileSymlink { file } => match (&file.source, &file.target) {
            (Some(source), _) => format!("{} → {}", path(&file.path), path(source)),
            (None, Some(target)) => format!("{} → {}", path(&file.path), copied(target)),
            (None, None) => path(&file.path),
        },
        Detail::FileChmod { file } | Detail::FileMkdir { file } | Detail::FileMknod { file } => {
            match file.mode {
                Some(mode) => format!("{} mode {mode:04o}", path(&file.path)),
                None => path(&file.path),
            }
        }
        Detail::FileChown { file } => {
            let id = |id: Option<u32>| id.map_or_else(|| "-".into(), |id| id.to_string());
            format!("{} owner {}:{}", path(&file.path), id(file.uid), id(file.gid))
        }
        Detail::FileTruncate { file } => format!("{} to {} bytes", path(&file.path), file.length),
        Detail::FileXattr { file } => format!("{} {} {}", path(&file.path), file.call, copied(&file.name)),
        Detail::FileMount { file } => {
            let mut text = format!("{} {}", file.call, path(&file.path));
            for (word, value) in [("from", &file.source), ("type", &file.filesystem)] {
                if let Some(value) = value {
                    let _ = write!(text, " {word} {}", copied(value));
                }
            }
            text
        }
        Detail::FilePivotRoot { file } => {
            format!("{}, old root at {}", path(&file.path), path(&file.put_old))
        }
        Detail::FileMemfdCreate { file } => copied(&file.name),
        Detail::NetworkSocket { network } | Detail::NetworkRawSocket { network } => {
            let pair = if network.pair { " pair" } else { "" };
            format!("{} {}{pair}", network.domain, network.socket_type)
        }
        Detail::NetworkBind { network } => address(&network.address),
        Detail::NetworkListen { network } => format!("fd {} backlog {}", network.fd, network.backlog),
        Detail::NetworkConnect { network } => address(&network.address),
        Detail::NetworkAccept { network } => match &network.address {
            Some(peer) => format!("from {}", address(peer)),
            None => format!("fd {}", network.fd),
        },
        Detail::NetworkSend { network } => match network.sent {
            Some(sent) => format!("{} {} ({sent})", network.call, address(&network.address)),
            None => format!("{} {}", network.call, address(&network.address)),
        },
        Detail::NetworkDns { network } => match network.answers.as_slice() {
            [] => format!("{} {}: {}", network.query, network.name.lossy(), network.code),
            answers => {
                let answers: Vec<&str> = answers.iter().map(|answer| answer.data.as_str()).collect();
                format!("{} {}: {}", network.query, network.name.lossy(), answers.join(", "))
            }
        },
        Detail::NetworkHttp { network } => format!(
            "{} {}://{}{}: {}",
            network.method,
            if network.secure { "https" } else { "http" },
            network.host.lossy(),
            network.target.lossy(),
            network.status
        ),
        Detail::NetworkTls { network } => {
            let name =
                network.server_name.as_ref().map_or_else(String::new, |name| name.lossy().into_owned());
            match &network.failure {
                Some(why) => format!("{name}: {why}"),
                None => format!("{name} {}", network.version.as_deref().unwrap_or_default()),
            }
        }
        Detail::NetworkFlow { network } => format!(
            "{} {} {}: {} out, {} in, {}",
            network.service,
            network.flow.protocol,
            end(network.flow.remote),
            network.bytes_out,
            network.bytes_in,
            network.end
        ),
        Detail::KernelModuleLoad { module_load: m } => {
            let what = m.file.as_ref().map(path).or_else(|| m.parameters.as_ref().map(copied));
            format!("{} {}", m.call, what.unwrap_or_default())
        }
        Detail::KernelBpf { bpf } => bpf.command.clone(),
        Detail::KernelIoUring { io_uring } => match &io_uring.file {
            Some(file) => format!("{} {}", io_uring.operation, path(file)),
            None => match &io_uring.domain {
                Some(domain) => format!("{} {domain}", io_uring.operation),
                None => io_uring.operation.clone(),
            },
        },
        Detail::KernelKeyctl { keyctl } => keyctl.operation.clone(),
        Detail::KernelKexec { kexec } => kexec.call.clone(),
        Detail::LogMessage { log } => copied(&log.message),
        Detail::BaitRead { bait } => bait.bait.clone(),
        Detail::BaitExfiltrated { bait } => format!("{} ({})", bait.bait, bait.encoding),
        other => main_path(other).map(path).unwrap_or_default(),
    }
}

/// How it ended: nothing for a success, else the error and who enforced it.
pub fn ending(event: &Event) -> String {
    let outcome = &event.outcome;
    let mut text = match outcome.result {
        OutcomeResult::Success => return String::new(),
        OutcomeResult::Unfinished => "unfinished".to_owned(),
        OutcomeResult::Failure => outcome.errno.clone().unwrap_or_else(|| "failed".into()),
    };
    if outcome.skipped {
        text.push_str(", skipped");
    }
    if let Some(enforcer) = &outcome.enforcer {
        let _ = write!(text, ", by {enforcer}");
    }
    clean(&text)
}

fn end(end: detektr_event::End) -> String {
    std::net::SocketAddr::new(end.address, end.port).to_string()
}

/// An address of a socket.
pub fn address(address: &Address) -> String {
    match address {
        Address::Inet { address, port } => format!("{address}:{port}"),
        Address::Inet6 { address, port, .. } => format!("[{address}]:{port}"),
        Address::Unix { path, abstract_name: true } => format!("unix:@{}", copied(path)),
        Address::Unix { path, .. } => format!("unix:{}", copied(path)),
        Address::Netlink { groups, .. } => format!("netlink (groups {groups})"),
        Address::Packet { interface, .. } => format!("packet (interface {interface})"),
        Address::Vsock { cid, port } => format!("vsock:{cid}:{port}"),
        Address::Other { number, .. } => format!("family {number}"),
        Address::Unread { .. } => "?".into(),
    }
}

/// Every path that an event tells, the main one first.
pub fn paths(detail: &Detail) -> Vec<&FilePath> {
    let mut all: Vec<&FilePath> = main_path(detail).into_iter().collect();
    match detail {
        Detail::ProcessExec { exec } => all.push(&exec.cwd),
        Detail::FileRename { file } => all.push(&file.to),
        Detail::FileLink { file } | Detail::FileSymlink { file } => all.extend(&file.source),
        Detail::FilePivotRoot { file } => all.push(&file.put_old),
        Detail::KernelIoUring { io_uring } => all.extend(&io_uring.to),
        _ => {}
    }
    all
}

fn main_path(detail: &Detail) -> Option<&FilePath> {
    Some(match detail {
        Detail::ProcessExec { exec } => &exec.file,
        Detail::ProcessMemoryExec { memory_exec } => return memory_exec.file.as_ref(),
        Detail::ProcessChdir { chdir } => &chdir.directory,
        Detail::ProcessChroot { chroot } => &chroot.directory,
        Detail::FileOpen { file } => &file.path,
        Detail::FileCreate { file } => &file.path,
        Detail::FileWrite { file } => &file.path,
        Detail::FileRename { file } => &file.path,
        Detail::FileUnlink { file }
        | Detail::FileRmdir { file }
        | Detail::FileStat { file }
        | Detail::FileReadlink { file }
        | Detail::FileAccess { file } => &file.path,
        Detail::FileMkdir { file }
        | Detail::FileMknod { file }
        | Detail::FileChmod { file }
        | Detail::FileChown { file } => &file.path,
        Detail::FileLink { file } | Detail::FileSymlink { file } => &file.path,
        Detail::FileTruncate { file } => &file.path,
        Detail::FileUtime { file } => &file.path,
        Detail::FileXattr { file } => &file.path,
        Detail::FileMount { file } => &file.path,
        Detail::FileUmount { file } => &file.path,
        Detail::FilePivotRoot { file } => &file.path,
        Detail::KernelModuleLoad { module_load } => return module_load.file.as_ref(),
        Detail::KernelIoUring { io_uring } => return io_uring.file.as_ref(),
        Detail::KernelSysctlWrite { sysctl_write } => &sysctl_write.file,
        _ => return None,
    })
}
