//! Process creation, file creation and network connections, in the fields that Sysmon for Linux gives them.

use super::{Field, Source, View, names};
use crate::processes::{Image, Processes};
use detektr_event::{Address, Detail, Event, ProcessRef, Sha256};

/// The fields of a process creation.
pub(super) const PROCESS: &[&str] = &[
    "UtcTime",
    "ProcessId",
    "Image",
    "CommandLine",
    "CurrentDirectory",
    "User",
    "ParentProcessId",
    "ParentImage",
    "ParentCommandLine",
    "Hashes",
    "sha256",
    "LogonId",
];
/// The fields of a file creation.
pub(super) const FILE: &[&str] = &["UtcTime", "ProcessId", "Image", "TargetFilename", "User", "CommandLine"];
/// The fields of a network connection.
pub(super) const NETWORK: &[&str] = &[
    "UtcTime",
    "ProcessId",
    "Image",
    "CommandLine",
    "User",
    "Protocol",
    "Initiated",
    "DestinationIp",
    "DestinationPort",
    "DestinationIsIpv6",
    "DestinationHostname",
];

pub(super) fn views(
    event: &Event,
    process: &ProcessRef,
    actor: Option<&Image>,
    known: &Processes,
    views: &mut Vec<View>,
) {
    if !event.outcome.is_success() {
        return;
    }
    match &event.detail {
        Detail::ProcessExec { exec } => {
            let mut view = view(event, process, Source::ProcessCreation);
            view.perhaps("CommandLine", actor.and_then(|actor| actor.command_line.clone()));
            view.perhaps("CurrentDirectory", actor.and_then(|actor| actor.directory.clone()));
            view.number("ParentProcessId", exec.ppid);
            let parent = exec.parent.as_ref().and_then(|parent| known.get(parent));
            view.perhaps("ParentImage", parent.map(|parent| parent.image.clone()));
            view.perhaps("ParentCommandLine", parent.and_then(|parent| parent.command_line.clone()));
            let hash = match &exec.sha256 {
                Sha256::Hash(hash) => Some(hash),
                Sha256::Absent { .. } => None,
            };
            view.perhaps("sha256", hash.cloned());
            view.perhaps("Hashes", hash.map(|hash| format!("SHA256={hash}")));
            view.unknown.push("LogonId");
            views.push(view);
        }
        Detail::FileCreate { file } => created(event, process, &file.path, actor, views),
        Detail::FileRename { file } => created(event, process, &file.to, actor, views),
        Detail::FileLink { file } => created(event, process, &file.path, actor, views),
        Detail::NetworkConnect { network } => {
            let mut view = view(event, process, Source::NetworkConnection);
            let (ip, port, v6) = match &network.address {
                Address::Inet { address, port } => (address.to_string(), *port, false),
                Address::Inet6 { address, port, .. } => (address.to_string(), *port, true),
                _ => return,
            };
            view.perhaps("CommandLine", actor.and_then(|actor| actor.command_line.clone()));
            view.fields.push(("Initiated".into(), Field::Truth(true)));
            view.text("DestinationIp", ip);
            view.number("DestinationPort", port);
            view.fields.push(("DestinationIsIpv6".into(), Field::Truth(v6)));
            // which protocol a descriptor speaks is not on this event; names are not resolved
            view.unknown.extend(["Protocol", "DestinationHostname"]);
            views.push(view);
        }
        _ => {}
    }
}

fn created(
    event: &Event,
    process: &ProcessRef,
    path: &detektr_event::FilePath,
    actor: Option<&Image>,
    views: &mut Vec<View>,
) {
    let mut view = view(event, process, Source::FileEvent);
    view.text("TargetFilename", path.lossy());
    view.perhaps("CommandLine", actor.and_then(|actor| actor.command_line.clone()));
    views.push(view);
}

/// What all of them tell.
fn view(event: &Event, process: &ProcessRef, source: Source) -> View {
    let mut view = View::new(event, source);
    view.text("UtcTime", event.time.to_string());
    view.number("ProcessId", process.pid);
    view.text("Image", process.exe.lossy());
    view.perhaps("User", names::user(process.euid));
    view
}
