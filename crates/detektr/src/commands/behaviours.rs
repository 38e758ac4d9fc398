//! `detektr behaviours RUN`: what a run did, by its sealed bundle; and the lines by which other commands tell of it.

use crate::cli::Context;
use crate::exit;
use crate::failure::{Failure, shown};
use crate::recording::{Recording, damaged};
use crate::terminal::{Out, Style, clean, copied, shorten};
use detektr_detect::{BehaviourReport, Behaviours, Finding, Level, Reached};
use detektr_evidence::{Bundle, Incomplete};
use detektr_validate::file::yaml_files;
use serde_json::json;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Processes and events of one behaviour that are shown.
const SHOWN: usize = 8;

/// Show what a run did, with the events that prove it
///
/// Behaviours are derived from the sealed bundle alone: the same bundle gives the same ones. The exit code is 3 where the
/// evidence is incomplete: then what is not listed may have happened all the same.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id, unique prefix, `last`, or path of a bundle
    run: OsString,
    /// Look for your own behaviours too: a folder of Sigma rules over Detektr's events (docs/behaviours.md)
    #[arg(long, value_name = "DIR")]
    behaviours: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args, context: &mut Context) -> Result<u8, Failure> {
    let behaviours = args.behaviours.as_deref().map(with_own).transpose()?;
    let behaviours = behaviours.as_ref().unwrap_or_else(|| Behaviours::shipped());
    let recording = Recording::open(&context.store()?, &args.run)?;
    let (report, complete, incomplete) = match &recording {
        Recording::Sealed(bundle) => {
            let manifest = bundle.manifest();
            (derive(behaviours, bundle)?, manifest.complete, manifest.incomplete.clone())
        }
        Recording::Unfinished(leftover) => {
            let artifact = leftover.start().and_then(|start| start.artifact.as_ref());
            let path = artifact.and_then(|artifact| artifact.path.as_ref());
            // what was not flushed before the end is not there, and all that came before is
            let events = recording.events()?.map_while(Result::ok).map(Ok::<_, io::Error>);
            let detail = "this run was never finished or sealed: what follows its last flush is missing";
            let hole = Incomplete { reason: "unfinished".into(), detail: detail.into() };
            (behaviours.derive(path, events)?, false, vec![hole])
        }
    };
    if context.json {
        context.out.document(&json!({
            "run": recording.run(), "complete": complete, "incomplete": incomplete, "events": report.events,
            "behaviours": report.findings, "holes": report.holes,
        }))?;
    } else {
        let out = &mut context.out;
        let style = out.style;
        let (run, count) = (style.bold(&clean(recording.run())), report.findings.len());
        writeln!(out, "{run}  {count} behaviours; {} events", report.events)?;
        for hole in &incomplete {
            let (reason, detail) = (clean(&hole.reason), clean(&hole.detail));
            writeln!(out, "  {} {reason} {detail}", style.yellow("incomplete"))?;
        }
        for hole in &report.holes {
            writeln!(out, "  {} {}", style.yellow("incomplete"), clean(hole))?;
        }
        report.findings.iter().try_for_each(|finding| whole(finding, out))?;
    }
    Ok(if complete && report.holes.is_empty() { exit::OK } else { exit::INCOMPLETE })
}

/// The shipped behaviours and those of a folder.
fn with_own(folder: &Path) -> Result<Behaviours, Failure> {
    let unreadable = |path: &Path, e: io::Error| {
        Failure::usage("detektr::behaviours::unreadable", format!("can't read {}", shown(path)))
            .because(e)
            .help("name a folder of Sigma rules over Detektr's events that you may read")
    };
    let files = yaml_files(folder).map_err(|e| unreadable(folder, e))?;
    if files.is_empty() {
        let what = format!("there is no behaviour in {}", shown(folder));
        return Err(Failure::usage("detektr::behaviours::none", what)
            .help("put .yml or .yaml files of Sigma rules there (docs/behaviours.md)"));
    }
    let contents: Vec<(String, Vec<u8>)> = files
        .iter()
        .map(|file| Ok((shown(file), fs::read(file).map_err(|e| unreadable(file, e))?)))
        .collect::<Result<_, Failure>>()?;
    let named = contents.iter().map(|(name, content)| (name.as_str(), content.as_slice()));
    Behaviours::load(named).map_err(|errors| {
        let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let remedy = errors.first().map(|e| e.remedy.clone()).unwrap_or_default();
        Failure::usage("detektr::behaviours::unusable", all.join("\n")).help(remedy)
    })
}

/// What a sealed run did.
fn derive(behaviours: &Behaviours, bundle: &Bundle) -> Result<BehaviourReport, Failure> {
    let unreadable = |e| crate::recording::told(bundle.path(), &e);
    let mut derivation = behaviours.watch(bundle.manifest().artifact.path.as_ref());
    for event in bundle.events().map_err(unreadable)? {
        derivation.event(&event.map_err(|e| damaged(bundle, &e))?);
    }
    derivation.changes(&bundle.changes().map_err(unreadable)?, &|sha256| bundle.beginning(sha256));
    Ok(derivation.finish())
}

/// What a sealed run did, by the shipped behaviours.
pub fn of(bundle: &Bundle) -> Result<BehaviourReport, Failure> {
    derive(Behaviours::shipped(), bundle)
}

/// What a run did in one line each, for the commands that tell of the run as a whole.
pub fn lines(report: &BehaviourReport, out: &mut Out) -> io::Result<()> {
    if report.findings.is_empty() {
        return Ok(());
    }
    let style = out.style;
    writeln!(out, "\n{}", style.bold("behaviours"))?;
    for finding in &report.findings {
        let sentence = shorten(&clean(&finding.sentence), 200);
        writeln!(out, "  {} {sentence}", level(finding.level, style))?;
    }
    for hole in &report.holes {
        writeln!(out, "  {} {}", style.yellow("incomplete"), clean(hole))?;
    }
    Ok(())
}

fn level(level: Level, style: Style) -> String {
    let name = format!("{:<13}", level.name());
    match level {
        Level::Critical | Level::High => style.red(&name),
        Level::Medium => style.yellow(&name),
        Level::Low | Level::Informational => style.dim(&name),
    }
}

fn whole(finding: &Finding, out: &mut Out) -> io::Result<()> {
    let style = out.style;
    let outcome = match finding.outcome {
        Reached::Succeeded => style.red(finding.outcome.name()),
        Reached::Blocked => style.green(finding.outcome.name()),
        Reached::Attempted => style.yellow(finding.outcome.name()),
    };
    let times = if finding.count == 1 { String::new() } else { format!(", {} times", finding.count) };
    let title = style.bold(&clean(&finding.title));
    writeln!(out, "\n{} {title} ({outcome}{times})", level(finding.level, style))?;
    writeln!(out, "  {}", shorten(&clean(&finding.sentence), 1000))?;
    let names: Vec<String> = finding
        .tactic
        .iter()
        .chain(&finding.techniques)
        .map(|one| format!("{} {}", clean(&one.id), clean(one.name.as_deref().unwrap_or_default())))
        .collect();
    let (id, confidence) = (clean(&finding.id), finding.confidence.name());
    writeln!(out, "  {}", style.dim(&format!("{id}, confidence {confidence}; {}", names.join(", "))))?;
    let processes: Vec<String> = finding
        .processes
        .iter()
        .take(SHOWN)
        .map(|process| format!("{} ({})", shorten(&copied(&process.exe), 120), process.pid))
        .collect();
    let more = |all: usize| if all > SHOWN { ", …" } else { "" };
    writeln!(out, "  by {}{}", processes.join(", "), more(finding.processes.len()))?;
    let events: Vec<String> = finding.events.iter().take(SHOWN).map(u64::to_string).collect();
    writeln!(out, "  events {}{}", events.join(", "), more(finding.events.len()))
}
