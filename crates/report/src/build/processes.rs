//! The processes.

use super::{COMMAND, TEXT, text};
use crate::clean::{clean, command_line, copied, shorten};
use crate::model::{Process, Program};
use crate::tree::{self, End, Tree};

/// Processes that are listed.
const LISTED: usize = 10_000;
/// Programs of one process that are listed.
const PROGRAMS: usize = 50;

/// What stands in the column of processes for the one at this position of the tree.
pub(super) fn column(at: usize) -> Option<u32> {
    if at < LISTED { u32::try_from(at + 1).ok() } else { None }
}

/// Where the process at this position of the tree stands in the list.
pub(super) fn position(at: usize) -> Option<u32> {
    if at < LISTED { u32::try_from(at).ok() } else { None }
}

/// The processes, and how many are left out.
pub(super) fn list(tree: &Tree, begin: u64) -> (Vec<Process>, u64) {
    let list = tree.processes.iter().take(LISTED).map(|process| one(process, begin)).collect();
    (list, tree.processes.len().saturating_sub(LISTED) as u64)
}

fn one(process: &tree::Process, begin: u64) -> Process {
    let us = |ns: u64| ns.saturating_sub(begin) / 1_000;
    let last = process.programs.last();
    let path = last.map_or_else(|| copied(&process.born_as), |program| copied(&program.path));
    let command = last.map(|program| command_line(&program.argv, COMMAND)).filter(|line| !line.is_empty());
    let command = command.unwrap_or_else(|| match last {
        Some(_) => shorten(&path, COMMAND),
        None => format!("fork of {}", shorten(&path, COMMAND)),
    });
    let name = path.rsplit('/').next().unwrap_or_default();
    Process {
        id: clean(&process.id),
        pid: process.pid,
        parent: process.parent.and_then(position),
        name: shorten(if name.is_empty() { "?" } else { name }, 80),
        command,
        programs: process.programs.iter().take(PROGRAMS).map(program).collect(),
        born_us: us(process.born_ns),
        born: process.born_seq,
        ended_us: process.ended_ns.map(us),
        end: process.end.as_ref().map(|end| match end {
            End::Code(code) => format!("exit {code}"),
            End::Signal(signal) => shorten(signal, 80),
            End::Unknown => "ended".into(),
        }),
        euid: process.euid,
        artifact: process.artifact,
        threads: process.threads,
        events: process.events,
        failures: process.failures,
    }
}

fn program(program: &tree::Program) -> Program {
    let from = match (program.memfd, program.deleted) {
        (true, _) => Some("memory"),
        (false, true) => Some("deleted"),
        (false, false) => None,
    };
    Program {
        event: program.seq,
        path: shorten(&copied(&program.path), TEXT),
        command: command_line(&program.argv, COMMAND),
        sha256: program.sha256.as_ref().map(|hash| text(hash.as_bytes())),
        from: from.map(Into::into),
    }
}
