//! `detektr rule check RULES RUN…`: which rules match which runs, and why not.

use super::files::Loaded;
use crate::cli::Context;
use crate::exit;
use crate::failure::Failure;
use crate::recording::{Recording, damaged};
use crate::terminal::{Out, clean, shorten};
use detektr_detect::{Match, RuleOutcome, RuleReport, RunContext};
use detektr_event::Kind;
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
/// Linux, auditd, and, where messages of programs were recorded, syslog and the logs of its services. A rule that turns
/// on a field that none of them tells is undecided. A rule on any other log source is not asked: it needs telemetry
/// that the run has not, and is listed apart.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 every rule that could be asked was answered, whether or not it matches; 2 no rule \
                        can be loaded, or there is no such run; 3 an answer is undecided, a rule does not match a run \
                        whose evidence is incomplete, some rule could not be loaded, or none could be asked. Rules that \
                        need telemetry which the run has not don't change the code as long as others were asked."
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
            let logs = manifest.ledger.0.contains_key(&Kind::LogMessage);
            let context = RunContext::of(manifest.artifact.path.as_ref(), logs);
            let report = loaded.rules.run(&context, recording.events()?).map_err(|e| damaged(bundle, &e))?;
            let (complete, incomplete) = (manifest.complete, manifest.incomplete.clone());
            Ok(Asked { run, complete, incomplete, report })
        }
        Recording::Unfinished(leftover) => {
            let artifact = leftover.start().and_then(|start| start.artifact.as_ref());
            let context = RunContext::of(artifact.and_then(|artifact| artifact.path.as_ref()), false);
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
    let rules = &asked.report.rules;
    let unsure = |rule: &RuleOutcome| match group(rule) {
        Group::Match | Group::NoTelemetry => false,
        Group::Undecided => true,
        Group::NoMatch => !asked.complete,
    };
    !asked.report.holes.is_empty()
        || rules.iter().any(unsure)
        || rules.iter().all(|rule| group(rule) == Group::NoTelemetry)
}

/// What is told of a rule, in the order in which it is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Match,
    Undecided,
    NoMatch,
    NoTelemetry,
}

fn group(rule: &RuleOutcome) -> Group {
    match rule {
        _ if !rule.matches.is_empty() => Group::Match,
        RuleOutcome { undecided: Some(_), .. } => Group::Undecided,
        RuleOutcome { no_telemetry: Some(_), .. } => Group::NoTelemetry,
        _ => Group::NoMatch,
    }
}

fn tell(asked: &Asked, out: &mut Out) -> io::Result<()> {
    let style = out.style;
    let rules = &asked.report.rules;
    let of = |wanted: Group| rules.iter().filter(move |rule| group(rule) == wanted);
    let count = |wanted: Group| of(wanted).count();
    let unasked = match count(Group::NoTelemetry) {
        0 => String::new(),
        some => format!(", {some} need telemetry that the run has not"),
    };
    writeln!(
        out,
        "{}  {} of {} rules match, {} can't be decided{unasked}; {} events",
        style.bold(&clean(&asked.run)),
        count(Group::Match),
        rules.len(),
        count(Group::Undecided),
        asked.report.events
    )?;
    for hole in &asked.incomplete {
        let (reason, detail) = (clean(&hole.reason), clean(&hole.detail));
        writeln!(out, "  {} {reason} {detail}", style.yellow("incomplete"))?;
    }
    for hole in &asked.report.holes {
        writeln!(out, "  {} {}", style.yellow("incomplete"), clean(hole))?;
    }
    for rule in of(Group::Match) {
        head(&style.green("match"), rule, out)?;
        rule.matches.iter().take(SHOWN).try_for_each(|found| matching(found, out))?;
        let shown = rule.matches.len().min(SHOWN) as u64;
        if rule.matched > shown {
            writeln!(out, "    … {} more", rule.matched - shown)?;
        }
    }
    for rule in of(Group::Undecided) {
        head(&style.yellow("undecided"), rule, out)?;
        if let Some(needed) = &rule.undecided {
            writeln!(out, "    {}", clean(needed))?;
        }
        why_not(rule, out)?;
    }
    for rule in of(Group::NoMatch) {
        head(&style.dim("no match"), rule, out)?;
        why_not(rule, out)?;
    }
    for rule in of(Group::NoTelemetry) {
        head(&style.dim("no telemetry"), rule, out)?;
        if let Some(needed) = &rule.no_telemetry {
            writeln!(out, "    {}", clean(needed))?;
        }
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
