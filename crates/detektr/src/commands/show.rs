//! `detektr show RUN`: what a bundle says about a run as a whole.

use crate::cli::Context;
use crate::commands;
use crate::exit;
use crate::failure::{Failure, shown};
use crate::recording::{Recording, told};
use crate::terminal::{Out, clean, clean_bytes, in_json, shorten, words_line};
use crate::units::{show_duration, show_size};
use detektr_evidence::{BaitPlace, Bundle, Change, ChangeKind, Exit, Leftover, Manifest, OutputSpan, Paused};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::{Read, Write};
use std::time::Duration;

/// Changed paths, environment facts and output lines that are shown.
const SHOWN: usize = 12;

/// Show what ran, where, how it was watched and how it ended
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id, unique prefix, `last`, or path of a bundle
    run: OsString,
}

/// Runs the command.
pub fn run(args: Args, context: &mut Context) -> Result<u8, Failure> {
    match Recording::open(&context.store()?, &args.run)? {
        Recording::Sealed(bundle) => sealed(&bundle, context),
        Recording::Unfinished(leftover) => unfinished(&leftover, context),
    }
}

fn unfinished(leftover: &Leftover, context: &mut Context) -> Result<u8, Failure> {
    let readable = leftover.readable().map_err(|e| told(leftover.path(), &e))?;
    if context.json {
        context.out.document(&json!({
            "run": leftover.run(), "bundle": in_json(leftover.path()), "state": "unfinished", "events": readable.events,
            "start": leftover.start(),
        }))?;
    } else {
        let style = context.out.style;
        writeln!(context.out, "run       {}", style.bold(leftover.run()))?;
        writeln!(context.out, "state     {}: it was never sealed", style.red("unfinished"))?;
        writeln!(context.out, "events    {} can be read", readable.events)?;
        writeln!(context.out, "bundle    {}", shown(leftover.path()))?;
    }
    Ok(exit::INCOMPLETE)
}

fn sealed(bundle: &Bundle, context: &mut Context) -> Result<u8, Failure> {
    let manifest = bundle.manifest();
    let changes = bundle.changes().map_err(|e| told(bundle.path(), &e))?;
    let persistence = bundle.persistence().map_err(|e| told(bundle.path(), &e))?;
    // a bundle that is damaged is told of as far as it goes; `verify` tells what is wrong
    let behaviours = commands::behaviours::of(bundle).ok();
    if context.json {
        let counts = |kind| changes.iter().filter(|change| change.change == kind).count();
        context.out.document(&json!({
            "run": manifest.run,
            "bundle": in_json(bundle.path()),
            "state": manifest.state.name(),
            "exit": manifest.exit,
            "complete": manifest.complete,
            "incomplete": manifest.incomplete,
            "events": manifest.events,
            "behaviours": behaviours.map(|report| report.findings),
            "changes": {
                "created": counts(ChangeKind::Created), "modified": counts(ChangeKind::Modified),
                "removed": counts(ChangeKind::Removed), "metadata": counts(ChangeKind::Metadata),
            },
            "persistence": persistence,
            "manifest": manifest,
        }))?;
        return Ok(exit::OK);
    }
    let out = &mut context.out;
    summary(manifest, out)?;
    writeln!(out, "bundle    {}", shown(bundle.path()))?;
    match &behaviours {
        Some(report) => commands::behaviours::lines(report, out)?,
        None => writeln!(out, "\nbehaviours are not known: the events can't be read to their end")?,
    }
    if let Some(persistence) = &persistence {
        commands::persistence::tell(persistence, out)?;
    }
    environment(&manifest.environment, out)?;
    controls(manifest, out)?;
    events(manifest, out)?;
    changed(&changes, out)?;
    baits(manifest, out)?;
    let unreadable = |e| told(bundle.path(), &e);
    output("stdout", manifest.output.stdout, bundle.stdout().map_err(unreadable)?, out)?;
    output("stderr", manifest.output.stderr, bundle.stderr().map_err(unreadable)?, out)?;
    for (number, monitor) in manifest.monitors.iter().enumerate() {
        let file = bundle.monitor(number).map_err(unreadable)?;
        output(&format!("monitor {}", clean(&monitor.control)), monitor.output, file, out)?;
    }
    Ok(exit::OK)
}

/// What ran and how it ended, in a few lines.
pub fn summary(manifest: &Manifest, out: &mut Out) -> Result<(), Failure> {
    let style = out.style;
    writeln!(out, "run       {}", style.bold(&clean(&manifest.run)))?;
    let kind = clean(&manifest.artifact.kind);
    writeln!(out, "artifact  {} ({kind})", words_line(&manifest.artifact.argv, 200))?;
    if let Some(hash) = &manifest.artifact.sha256 {
        writeln!(out, "sha256    {}", clean(hash))?;
    }
    writeln!(out, "state     {}{}", style.state(manifest.state.name()), ended(manifest.exit.as_ref()))?;
    if let Some(wall) = manifest.wall_reached() {
        writeln!(out, "          ended by Detektr's own wall against {}", clean(wall))?;
    }
    if let Some(limit) = manifest.limit_reached() {
        writeln!(out, "          the limit of {} was reached", clean(limit))?;
    }
    if let (Some(first), Some(last)) = (manifest.phases.first(), manifest.phases.last()) {
        let took = u64::try_from(last.end.0.saturating_sub(first.start.0)).unwrap_or(0);
        writeln!(out, "started   {}, took {}", first.start, show_duration(Duration::from_nanos(took)))?;
    }
    let sensor = clean(&manifest.sensor.name);
    match manifest.complete {
        true => {
            writeln!(out, "evidence  {}, {} events by {sensor}", style.green("complete"), manifest.events)?
        }
        false => {
            writeln!(out, "evidence  {}, {} events by {sensor}", style.red("incomplete"), manifest.events)?
        }
    }
    for hole in &manifest.incomplete {
        let detail = shorten(&clean(&hole.detail), 300);
        writeln!(out, "          {} {detail}", style.yellow(&clean(&hole.reason)))?;
    }
    Ok(())
}

/// `, exit code 3`, for the line of the state.
pub fn ended(exit: Option<&Exit>) -> String {
    match exit {
        Some(Exit::Code { code }) => format!(", exit code {code}"),
        Some(Exit::Signal { signal }) => format!(", ended by {}", clean(signal)),
        None => String::new(),
    }
}

/// What was put on, and what it did.
fn controls(manifest: &Manifest, out: &mut Out) -> Result<(), Failure> {
    if manifest.controls.is_empty() {
        return Ok(());
    }
    let style = out.style;
    writeln!(out, "\n{}", style.bold("controls"))?;
    for control in &manifest.controls {
        writeln!(out, "  {}", clean(&control.name))?;
        for told in control.told() {
            writeln!(out, "    {}", style.dim(&shorten(&clean(&told), 200)))?;
        }
    }
    Ok(())
}

/// The sandbox's description is its own; here its plain values are shown by their names.
fn environment(environment: &Value, out: &mut Out) -> Result<(), Failure> {
    let mut facts = Vec::new();
    flatten("", environment, &mut facts);
    if facts.is_empty() {
        return Ok(());
    }
    let style = out.style;
    writeln!(out, "\n{}", style.bold("environment"))?;
    for (name, value) in facts.iter().take(SHOWN * 4) {
        writeln!(out, "  {} {}", style.dim(&clean(name)), shorten(&clean(value), 160))?;
    }
    if facts.len() > SHOWN * 4 {
        writeln!(out, "  … {} more: detektr show --json", facts.len() - SHOWN * 4)?;
    }
    Ok(())
}

fn flatten(prefix: &str, value: &Value, facts: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if prefix.is_empty() { "" } else { "." };
                flatten(&format!("{prefix}{dot}{name}"), value, facts);
            }
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (n, value) in items.iter().enumerate() {
                flatten(&format!("{prefix}.{n}"), value, facts);
            }
        }
        Value::Array(items) => {
            let text: Vec<String> = items.iter().map(plain).collect();
            if !text.is_empty() {
                facts.push((prefix.into(), text.join(", ")));
            }
        }
        other => facts.push((prefix.into(), plain(other))),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn events(manifest: &Manifest, out: &mut Out) -> Result<(), Failure> {
    let style = out.style;
    writeln!(out, "\n{}", style.bold("events"))?;
    for (kind, counts) in manifest.ledger.0.iter().filter(|(_, c)| c.written > 0 || c.dropped > 0) {
        let lost = match counts.dropped {
            0 => String::new(),
            dropped => style.red(&format!("  {dropped} lost")),
        };
        writeln!(out, "  {:<22} {:>8}{lost}", kind.name(), counts.written)?;
    }
    for limitation in &manifest.sensor.limitations {
        writeln!(out, "  {}", style.dim(&format!("limit of the sensor: {}", clean(limitation))))?;
    }
    if let Some(Paused { times, us }) = manifest.sensor.paused {
        let told = format!("paused {times} times, {} ms in all, so that the sensor lost nothing", us / 1000);
        writeln!(out, "  {}", style.dim(&told))?;
    }
    Ok(())
}

fn changed(changes: &[Change], out: &mut Out) -> Result<(), Failure> {
    let style = out.style;
    if changes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", style.bold("changed files"))?;
    for change in changes.iter().take(SHOWN) {
        let (mark, state) = match change.change {
            ChangeKind::Created => (style.green("+"), &change.after),
            ChangeKind::Modified => (style.cyan("~"), &change.after),
            ChangeKind::Metadata => (style.cyan("."), &change.after),
            ChangeKind::Removed => (style.yellow("-"), &change.before),
        };
        let size = state.as_ref().and_then(|state| state.size).map(|size| format!(" ({})", show_size(size)));
        writeln!(out, "  {mark} {}{}", clean_bytes(change.path.as_bytes()), size.unwrap_or_default())?;
    }
    if changes.len() > SHOWN {
        writeln!(out, "  … {} more in changes.ndjson", changes.len() - SHOWN)?;
    }
    Ok(())
}

fn baits(manifest: &Manifest, out: &mut Out) -> Result<(), Failure> {
    let style = out.style;
    if manifest.baits.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", style.bold("baits"))?;
    for bait in &manifest.baits {
        let place = match &bait.place {
            BaitPlace::Path(path) => clean_bytes(path.as_bytes()),
            BaitPlace::Url(url) => clean_bytes(url.as_bytes()),
            BaitPlace::Variable(name) => format!("${}", clean_bytes(name.as_bytes())),
        };
        writeln!(out, "  {:<24} {place}", clean(&bait.name))?;
    }
    Ok(())
}

/// The beginning of what the artifact wrote, harmless to a terminal.
fn output(name: &str, span: OutputSpan, file: impl Read, out: &mut Out) -> Result<(), Failure> {
    let style = out.style;
    if span.seen == 0 {
        return Ok(());
    }
    let cut = if span.seen > span.kept { format!(", {} kept", show_size(span.kept)) } else { String::new() };
    writeln!(out, "\n{} ({}{cut})", style.bold(name), show_size(span.seen))?;
    let mut head = Vec::new();
    file.take(8 * 1024).read_to_end(&mut head)?;
    let text = head.strip_suffix(b"\n").unwrap_or(&head);
    let lines: Vec<&[u8]> = text.split(|b| *b == b'\n').collect();
    for line in lines.iter().take(SHOWN) {
        writeln!(out, "  {}", shorten(&clean_bytes(line), 200))?;
    }
    if lines.len() > SHOWN || span.kept > 8 * 1024 {
        writeln!(out, "  {}", style.dim("…"))?;
    }
    Ok(())
}
