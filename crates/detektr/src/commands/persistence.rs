//! What a run installed to be started again, for people.

use crate::failure::Failure;
use crate::terminal::{Out, clean, clean_bytes, shorten};
use detektr_evidence::persistence::{Entry, Persistence, Status};
use std::io::Write;

/// Entries, and numbers of events of each, that are shown.
const SHOWN: usize = 20;
const EVENTS: usize = 6;

/// One entry after the other: proven ones first.
pub fn tell(persistence: &Persistence, out: &mut Out) -> Result<(), Failure> {
    let style = out.style;
    let of = |status| persistence.entries.iter().filter(move |entry| entry.status == status);
    let count = |status| of(status).count();
    let all = persistence.entries.len();
    writeln!(out, "\n{} {all} installed, {} proven", style.bold("persistence"), count(Status::Proven))?;
    let ordered = of(Status::Proven).chain(of(Status::Installed)).chain(of(Status::Removed));
    for entry in ordered.take(SHOWN) {
        let what = entry.mechanism.name();
        let place = clean_bytes(entry.path.as_bytes());
        writeln!(out, "  {} {what} ({}) {place}", word(entry, out), clean(&entry.technique))?;
        if let Some(runs) = &entry.runs {
            let user = entry.user.as_ref().map(|user| format!(" as {}", clean(user))).unwrap_or_default();
            writeln!(out, "    runs {}{user}", shorten(&clean_bytes(runs.as_bytes()), 160))?;
        }
        writeln!(out, "    {}", style.dim(&why(entry)))?;
    }
    if all > SHOWN {
        writeln!(out, "  … {} more: detektr show --json", all - SHOWN)?;
    }
    Ok(())
}

fn word(entry: &Entry, out: &Out) -> String {
    let name = entry.status.name();
    match entry.status {
        Status::Proven => out.style.red(name),
        Status::Installed => out.style.yellow(name),
        Status::Removed => out.style.dim(name),
    }
}

fn why(entry: &Entry) -> String {
    let numbers = |list: &[u64]| {
        let shown: Vec<String> = list.iter().take(EVENTS).map(u64::to_string).collect();
        let more = if list.len() > EVENTS { ", …" } else { "" };
        format!("{}{more}", shown.join(", "))
    };
    let made = match entry.made_by.as_slice() {
        [] => String::new(),
        list => format!("; made by events {}", numbers(list)),
    };
    match entry.status {
        Status::Proven => {
            let by = clean(entry.triggered_by.as_deref().unwrap_or("a trigger"));
            format!("started by {by}: events {}{made}", numbers(&entry.proven_by))
        }
        Status::Installed => match entry.reason {
            Some(reason) => format!("not proven: {}{made}", reason.name()),
            None => format!("not proven{made}"),
        },
        Status::Removed => format!("taken away before the end{made}"),
    }
}
