//! A run as Markdown, for a pull request or a wiki: short enough to be read there.

use crate::markdown::{cell, code};
use crate::model::{Behaviour, Conversation, Exchange, Report};
use std::fmt::Write as _;

/// Entries of each list.
const LISTED: usize = 20;
/// Processes of the tree.
const PROCESSES: usize = 40;

/// The text for `report`.
pub fn run_markdown(report: &Report) -> String {
    let mut text = String::new();
    let severity = report.headline.severity.map_or(String::new(), |s| format!(" ({})", s.name()));
    let _ = writeln!(text, "## {}{severity}\n", cell(&report.headline.sentence));
    let evidence = if report.ending.complete { "evidence complete" } else { "**evidence incomplete**" };
    let exit = report.ending.exit.as_deref().unwrap_or("no exit seen");
    let _ = writeln!(
        text,
        "`{}`: **{}**, {}, {evidence}, {} events, run `{}`\n",
        code(&report.artifact.command),
        cell(&report.ending.state),
        cell(exit),
        report.events.total,
        code(&report.run)
    );
    for hole in &report.ending.incomplete {
        let _ = writeln!(text, "- missing: `{}`: {}", code(&hole.reason), cell(&hole.detail));
    }
    said(&mut text, report);
    behaviours(&mut text, &report.behaviours);
    tree(&mut text, report);
    files(&mut text, report);
    network(&mut text, &report.network.conversations);
    exchanges(&mut text, &report.network.exchanges);
    if let Some(persistence) = report.persistence.as_ref().filter(|p| !p.entries.is_empty()) {
        text.push_str("\n### Persistence\n\n");
        for entry in persistence.entries.iter().take(LISTED) {
            let why = entry.why.as_deref().map(|why| format!(", {}", cell(why))).unwrap_or_default();
            let _ = writeln!(
                text,
                "- **{}** {} ({}) `{}`{why}{}",
                entry.status,
                cell(&entry.mechanism),
                cell(&entry.technique),
                code(&entry.path),
                numbers(&entry.proven_by)
            );
        }
        more(&mut text, persistence.entries.len());
    }
    let touched = report.baits.iter().filter(|b| !b.reads.is_empty() || !b.exfiltrated.is_empty());
    for (at, bait) in touched.enumerate() {
        if at == 0 {
            text.push_str("\n### Planted secrets\n\n");
        }
        let left = if bait.exfiltrated.is_empty() { "" } else { ", **seen leaving**" };
        let _ = writeln!(text, "- `{}`: read {} times{left}", code(&bait.place), bait.reads.len());
    }
    let _ = writeln!(
        text,
        "\nThe evidence is sealed and was verified; it is signed by `{}`. `detektr report {} --html` shows all of it.",
        code(&report.signature.signer),
        code(&report.run)
    );
    text
}

fn said(text: &mut String, report: &Report) {
    text.push('\n');
    for sentence in &report.sentences {
        let _ = writeln!(text, "- {}{}", cell(&sentence.text), numbers(&sentence.events));
    }
}

fn behaviours(text: &mut String, behaviours: &[Behaviour]) {
    if behaviours.is_empty() {
        return;
    }
    text.push_str(
        "\n### Behaviours\n\n| severity | technique | what | outcome | events |\n|---|---|---|---|---|\n",
    );
    for behaviour in behaviours.iter().take(LISTED) {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:?} | {} |",
            behaviour.severity.name(),
            cell(&ids(behaviour)),
            cell(&behaviour.sentence),
            behaviour.outcome,
            listed(&behaviour.events)
        );
    }
    more(text, behaviours.len());
}

fn ids(behaviour: &Behaviour) -> String {
    behaviour.techniques.iter().map(|technique| technique.id.as_str()).collect::<Vec<_>>().join(", ")
}

fn tree(text: &mut String, report: &Report) {
    text.push_str("\n<details><summary>Processes</summary>\n\n");
    let mut depth = vec![0usize; report.processes.len()];
    let mut shown = 0;
    for (at, process) in report.processes.iter().enumerate() {
        if let Some(parent) = process.parent {
            depth[at] = depth.get(parent as usize).map_or(0, |depth| depth + 1);
        }
        if shown < PROCESSES && process.artifact {
            shown += 1;
            let end = process.end.as_deref().unwrap_or("not seen to end");
            let _ = writeln!(
                text,
                "{}- `{}` (pid {}) {}",
                "  ".repeat(depth[at].min(12)),
                code(&process.command),
                process.pid,
                cell(end)
            );
        }
    }
    let all = report.processes.iter().filter(|process| process.artifact).count();
    if all > shown {
        let _ = writeln!(text, "- and {} more", all - shown);
    }
    text.push_str("\n</details>\n");
}

fn files(text: &mut String, report: &Report) {
    if report.files.changes.is_empty() {
        return;
    }
    text.push_str("\n### File changes\n\n");
    for change in report.files.changes.iter().take(LISTED) {
        let size = change.after.as_ref().and_then(|s| s.size).map(|n| format!(", {n} bytes"));
        let _ = writeln!(
            text,
            "- {} `{}`{}{}",
            change.change,
            code(&change.path),
            size.unwrap_or_default(),
            numbers(&change.events)
        );
    }
    more(text, report.files.changes.len());
}

fn network(text: &mut String, conversations: &[Conversation]) {
    let far: Vec<&Conversation> =
        conversations.iter().filter(|c| matches!(c.family.as_str(), "inet" | "inet6" | "packet")).collect();
    if far.is_empty() {
        return;
    }
    text.push_str("\n### Network\n\n");
    for conversation in far.iter().take(LISTED) {
        let failed: Vec<&str> = conversation.failed.keys().map(String::as_str).collect();
        let failed =
            if failed.is_empty() { String::new() } else { format!(", failed: {}", cell(&failed.join(", "))) };
        let _ = writeln!(
            text,
            "- {} `{}`: {} succeeded{failed}{}",
            conversation.act,
            code(&conversation.address),
            conversation.succeeded,
            numbers(&conversation.events)
        );
    }
    more(text, far.len());
}

fn exchanges(text: &mut String, exchanges: &[Exchange]) {
    let said: Vec<&Exchange> = exchanges.iter().filter(|e| e.kind != "flow").collect();
    if said.is_empty() {
        return;
    }
    text.push_str("\n### What it said to the network\n\n");
    for exchange in said.iter().take(LISTED) {
        let _ = writeln!(text, "- {} `{}` (event {})", exchange.kind, code(&exchange.what), exchange.event);
    }
    more(text, said.len());
}

fn numbers(events: &[u64]) -> String {
    if events.is_empty() { String::new() } else { format!(" (events {})", listed(events)) }
}

fn listed(events: &[u64]) -> String {
    let first: Vec<String> = events.iter().take(5).map(u64::to_string).collect();
    let rest = if events.len() > 5 { ", …" } else { "" };
    format!("{}{rest}", first.join(", "))
}

fn more(text: &mut String, count: usize) {
    if count > LISTED {
        let _ = writeln!(text, "\n… and {} more", count - LISTED);
    }
}
