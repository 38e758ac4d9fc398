//! Audit records as auditd's rules on calls would give them: EXECVE with the arguments a0 to aN, SYSCALL, and one PATH
//! for each file. As in rules, each record is an event of its own.

use super::{Source, View};
use crate::processes::Image;
use detektr_event::{Detail, Event, ProcessRef};

/// The fields of these records, but for the arguments.
const FIELDS: &[&str] = &[
    "type", "time", "pid", "ppid", "exe", "comm", "euid", "SYSCALL", "syscall", "arch", "success", "exit",
    "name", "nametype", "cwd", "argc", "a0", "a1", "a2", "a3", "a4", "a5",
];

pub(super) fn has(field: &str) -> bool {
    let argument = |rest: &str| !rest.is_empty() && rest.bytes().all(|digit| digit.is_ascii_digit());
    FIELDS.contains(&field) || field.strip_prefix('a').is_some_and(argument)
}

pub(super) fn views(event: &Event, process: &ProcessRef, actor: Option<&Image>, views: &mut Vec<View>) {
    if let Detail::ProcessExec { exec } = &event.detail
        && event.outcome.is_success()
    {
        let mut view = record(event, process, "EXECVE");
        view.text("argc", exec.argv.len().to_string());
        for (at, word) in exec.argv.iter().enumerate() {
            view.text(format!("a{at}"), word.lossy());
        }
        if exec.incomplete.is_some() {
            view.unknown.extend(["argc", "a0", "a1", "a2", "a3", "a4", "a5"]);
        }
        views.push(view);
    }
    let call = call(event);
    if let Some(name) = call {
        let mut view = record(event, process, "SYSCALL");
        view.text("SYSCALL", name.clone());
        view.text("syscall", name);
        let arch = event.syscall.as_ref().map(|call| call.arch.clone());
        view.perhaps("arch", arch);
        view.text("success", if event.outcome.is_success() { "yes" } else { "no" });
        match &event.outcome.errno {
            Some(errno) => view.text("exit", errno.clone()),
            // what a success returned is not on every event
            None => view.unknown.push("exit"),
        }
        view.perhaps("ppid", actor.map(|actor| actor.ppid.to_string()));
        view.perhaps("cwd", actor.and_then(|actor| actor.directory.clone()));
        if let Some(call) = &event.syscall {
            for (at, value) in call.args.iter().take(4).enumerate() {
                view.text(format!("a{at}"), format!("{value:x}"));
            }
        }
        views.push(view);
    }
    for path in event.detail.paths() {
        let mut view = record(event, process, "PATH");
        view.text("name", path.lossy());
        let kind = match &event.detail {
            Detail::FileCreate { .. } | Detail::FileMkdir { .. } | Detail::FileMknod { .. } => "CREATE",
            Detail::FileLink { .. } | Detail::FileSymlink { .. } => "CREATE",
            Detail::FileUnlink { .. } | Detail::FileRmdir { .. } => "DELETE",
            _ => "NORMAL",
        };
        view.text("nametype", kind);
        views.push(view);
    }
}

/// The call's name, where the event tells its number.
fn call(event: &Event) -> Option<String> {
    let call = event.syscall.as_ref()?;
    let number = call.nr as usize;
    match call.arch.as_str() {
        "i386" => syscalls::x86::Sysno::new(number).map(|call| call.name().to_owned()),
        _ => syscalls::x86_64::Sysno::new(number & !0x4000_0000).map(|call| call.name().to_owned()),
    }
}

fn record(event: &Event, process: &ProcessRef, kind: &str) -> View {
    let mut view = View::new(event, Source::Auditd);
    view.text("type", kind);
    view.text("time", event.time.to_string());
    view.text("pid", process.pid.to_string());
    view.text("exe", process.exe.lossy());
    let exe = process.exe.lossy();
    let name: String = exe.rsplit('/').next().unwrap_or_default().chars().take(15).collect();
    view.text("comm", name);
    view.text("euid", process.euid.to_string());
    view
}
