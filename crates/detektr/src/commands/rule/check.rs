//! `detektr rule check RULES RUN…`: which rules match which runs, and why not.

use super::files::Loaded;
use crate::cli::Context;
use crate::exit;
use crate::failure::Failure;
use crate::recording::{Recording, damaged};
use crate::terminal::{Out, clean, shorten};
use detektr_detect::{Match, RuleOutcome, RuleReport, RunContext};
use detektr_evidence::Incomplete;
use serde_json::json;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;

/// Matches, and fields, that are shown of one rule.
const SHOWN: usize = 5;

/// Ask Sigma rules about recorded runs: which match, and why the others do not
///
/// Events are seen as log sources would tell them: process_creation, file_event and network_connection of Sysmon for
/// Linux, and auditd. A rule that turns on what none of them tells is undecided.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 every rule was asked and answered, whether or not it matches; 2 no rule can be \
                        loaded, or there is no such run; 3 an answer is undecided, a rule does not match a run whose \
                        evidence is incomplete, or some rule could not be loaded."
)]
pub struct Args {
    /// A rule file, or a folder of .yml and .yaml files
    rules: PathBuf,
    /// Id, unique prefix, `last`, or path of a bundle
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<OsString>,
}

/// What the rules say of one run.
struct Asked {
    run: String,
    /// Evidence is whole.
    complete: bool,
    incomplete: Vec<Incomplete>,
    report: RuleReport,
}

/// Runs the command.
pub fn run(args: &Args, context: &mut Context) -> Result<u8, Failure> {
    let loaded = Loaded::open(&args.rules)?;
    let store = context.store()?;
    // a run that is not there is found before the first is asked about
    let recordings: Vec<Recording> =
        args.runs.iter().map(|word| Recording::open(&store, word)).collect::<Result<_, _>>()?;
    let asked: Vec<Asked> =
        recordings.iter().map(|recording| ask(&loaded, recording)).collect::<Result<_, _>>()?;
    if context.json {
        let runs: Vec<_> = asked
            .iter()
            .map(|one| {
                json!({
                    "run": one.run, "complete": one.complete, "incomplete": one.incomplete, "report": one.report,
                })
            })
            .collect();
        context.out.document(&json!({"runs": runs, "not_loaded": loaded.document()}))?;
    } else {
        for one in &asked {
            tell(one, &mut context.out)?;
        }
        loaded.complain(&mut context.out)?;
    }
    let open = !loaded.not_loaded.is_empty() || asked.iter().any(is_open);
    Ok(if open { exit::INCOMPLETE } else { exit::OK })
}

fn ask(loaded: &Loaded, recording: &Recording) -> Result<Asked, Failure> {
    let run = recording.run().to_owned();
    match recording {
        Recording::Sealed(bundle) => {
            let manifest = bundle.manifest();
            let context = RunContext::of(manifest.artifact.path.as_ref());
            let report = loaded.rules.run(&context, recording.events()?).map_err(|e| damaged(bundle, &e))?;
            let (complete, incomplete) = (manifest.complete, manifest.incomplete.clone());
            Ok(Asked { run, complete, incomplete, report })
        }
        Recording::Unfinished(leftover) => {
            let artifact = leftover.start().and_then(|start| start.artifact.as_ref());
            let context = RunContext::of(artifact.and_then(|artifact| artifact.path.as_ref()));
            // what was not flushed before the end is not there, and all that came before is
            let events = recording.events()?.map_while(Result::ok).map(Ok::<_, io::Error>);
            let report = loaded.rules.run(&context, events)?;
            let incomplete = vec![Incomplete {
                reason: "unfinished".into(),
                detail: "this run was never finished or sealed: what follows its last flush is missing"
                    .into(),
            }];
            Ok(Asked { run, complete: false, incomplete, report })
        }
    }
}

/// Whether an answer is not certain. A match is, whatever else is missing.
fn is_open(asked: &Asked) -> bool {
    let unmatched = |outcome: &RuleOutcome| outcome.matches.is_empty();
    !asked.report.holes.is_empty()
        || asked
            .report
            .rules
            .iter()
            .any(|rule| unmatched(rule) && (rule.undecided.is_some() || !asked.complete))
}

fn tell(asked: &Asked, out: &mut Out) -> io::Result<()> {
    let style = out.style;
    let rules = &asked.report.rules;
    let matched = rules.iter().filter(|rule| !rule.matches.is_empty()).count();
    let undecided = rules.iter().filter(|rule| rule.matches.is_empty() && rule.undecided.is_some()).count();
    writeln!(
        out,
        "{}  {matched} of {} rules match, {undecided} can't be decided; {} events",
        style.bold(&clean(&asked.run)),
        rules.len(),
        asked.report.events
    )?;
    for hole in &asked.incomplete {
        let (reason, detail) = (clean(&hole.reason), clean(&hole.detail));
        writeln!(out, "  {} {reason} {detail}", style.yellow("incomplete"))?;
    }
    for hole in &asked.report.holes {
        writeln!(out, "  {} {}", style.yellow("incomplete"), clean(hole))?;
    }
    // what matches first, then what is open
    for rule in rules.iter().filter(|rule| !rule.matches.is_empty()) {
        head(&style.green("match"), rule, out)?;
        rule.matches.iter().take(SHOWN).try_for_each(|found| matching(found, out))?;
        let shown = rule.matches.len().min(SHOWN) as u64;
        if rule.matched > shown {
            writeln!(out, "    … {} more", rule.matched - shown)?;
        }
    }
    for rule in rules.iter().filter(|rule| rule.matches.is_empty()) {
        match &rule.undecided {
            Some(needed) => {
                head(&style.yellow("undecided"), rule, out)?;
                writeln!(out, "    {}", clean(needed))?;
            }
            None => head(&style.dim("no match"), rule, out)?,
        }
        why_not(rule, out)?;
    }
    Ok(())
}

fn head(word: &str, rule: &RuleOutcome, out: &mut Out) -> io::Result<()> {
    let style = out.style;
    let level = rule.rule.level.as_ref().map(|level| format!(" ({})", clean(level))).unwrap_or_default();
    let (title, file) = (clean(&rule.rule.title), clean(&rule.rule.file));
    writeln!(out, "  {word} {}{level} {}", style.bold(&title), style.dim(&file))
}

fn matching(found: &Match, out: &mut Out) -> io::Result<()> {
    let events: Vec<String> = found.events.iter().take(SHOWN).map(u64::to_string).collect();
    let more = if found.events.len() > SHOWN { ", …" } else { "" };
    let word = if found.events.len() == 1 { "event" } else { "events" };
    let fields: Vec<String> = found
        .fields
        .iter()
        .map(|(name, value)| format!("{name}=`{}`", shorten(&clean(value), 120)))
        .collect();
    let own = if found.harness_only { " (only Detektr's own start of the artifact)" } else { "" };
    writeln!(out, "    {word} {}{more}{own}: {}", events.join(", "), fields.join(", "))
}

fn why_not(rule: &RuleOutcome, out: &mut Out) -> io::Result<()> {
    let Some(why) = &rule.why_not else { return Ok(()) };
    writeln!(out, "    {}", shorten(&clean(&why.sentence), 300))?;
    for field in why.fields.iter().take(SHOWN) {
        let wanted = if field.wanted.is_empty() { "what the rule wants" } else { &field.wanted };
        let was = field.was.as_deref().unwrap_or("absent");
        let (wanted, was) = (shorten(&clean(wanted), 120), shorten(&clean(was), 120));
        writeln!(out, "      {}: wanted {wanted}, was {was}", clean(&field.field))?;
    }
    if why.fields.len() > SHOWN {
        writeln!(out, "      … {} more fields", why.fields.len() - SHOWN)?;
    }
    Ok(())
}
