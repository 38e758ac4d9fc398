//! `detektr diff RUN RUN`: what one run did that the other did not.

use crate::cli::Context;
use crate::commands::behaviours;
use crate::exit;
use crate::failure::Failure;
use crate::recording::{unbuilt, verified};
use crate::terminal::{Style, clean, shorten};
use detektr_event::Detail;
use detektr_evidence::Bundle;
use detektr_netsim::Addresses;
use detektr_report::difference::{About, Difference, Line, Side, Summary, difference};
use detektr_sandbox::Identity;
use std::ffi::OsString;
use std::io::Write as _;

/// Differences shown of each kind.
const SHOWN: usize = 40;
/// Longest line, in characters.
const WIDTH: usize = 240;

/// Show what one run did that the other did not
///
/// What differs from run to run and means nothing is left aside: process numbers, times, the names of the environment,
/// baits, names of temporary files.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id, unique prefix, `last`, or path of a bundle
    first: OsString,
    /// The run to compare it with
    second: OsString,
    /// Show every difference, however many
    #[arg(long)]
    all: bool,
}

/// Runs the command.
pub fn run(args: Args, context: &mut Context) -> Result<u8, Failure> {
    let first = summary(&args.first, context)?;
    let second = summary(&args.second, context)?;
    let found = difference(&first, &second);
    if context.json {
        context.out.document(&found)?;
    } else {
        tell(&found, args.all, context)?;
    }
    Ok(match (found.same, first.is_complete() && second.is_complete()) {
        (false, _) => exit::FAILS,
        (true, true) => exit::OK,
        (true, false) => exit::INCOMPLETE,
    })
}

fn summary(run: &OsString, context: &Context) -> Result<Summary, Failure> {
    let path = context.store()?.find(run)?;
    let (bundle, _) = verified(&path)?;
    let names = names(&bundle)?;
    let meaning = behaviours::of(&bundle)?;
    Summary::new(&bundle, &names, &meaning.findings).map_err(|e| unbuilt(&bundle, e))
}

/// The names that the run's environment had, and what they stand for.
fn names(bundle: &Bundle) -> Result<Vec<(String, &'static str)>, Failure> {
    let identity = Identity::from_seed(bundle.manifest().seed);
    let mut names = vec![
        (identity.hostname.clone(), "host"),
        (identity.home(), "home"),
        (identity.user.clone(), "user"),
        (identity.machine_id, "machine id"),
    ];
    let addresses = Addresses::from_seed(bundle.manifest().seed);
    names.push((addresses.v4.to_string(), "own address"));
    names.push((addresses.v6.to_string(), "own address"));
    names.push((addresses.gateway4.to_string(), "gateway"));
    names.push((addresses.gateway6.to_string(), "gateway"));
    // a profile or an image may have given others: the artifact's first program was told
    for event in bundle.events().map_err(|e| unbuilt(bundle, e.into()))? {
        let event = event.map_err(|e| unbuilt(bundle, e.into()))?;
        let Detail::ProcessExec { exec } = &event.detail else { continue };
        for variable in &exec.env {
            let text = variable.lossy();
            match text.split_once('=') {
                // root is the same in every run, and a word of its own right
                Some((_, "root" | "/root" | "/")) => {}
                Some(("HOME", value)) => names.push((value.to_owned(), "home")),
                Some(("USER" | "LOGNAME", value)) => names.push((value.to_owned(), "user")),
                Some(("HOSTNAME", value)) => names.push((value.to_owned(), "host")),
                _ => {}
            }
        }
        break;
    }
    Ok(names)
}

fn tell(found: &Difference, all: bool, context: &mut Context) -> Result<(), Failure> {
    let style = context.out.style;
    let out = &mut context.out;
    let [first, second] = &found.runs;
    writeln!(out, "{} {first}\n{} {second}", style.red("-"), style.green("+"))?;
    for about in About::ALL {
        let lines: Vec<&Line> = found.differences.iter().filter(|line| line.about == about).collect();
        if lines.is_empty() {
            continue;
        }
        writeln!(out, "\n{}", style.bold(about.name()))?;
        let shown = if all { lines.len() } else { SHOWN };
        for line in lines.iter().take(shown) {
            writeln!(out, "{}", one(line, style))?;
        }
        if lines.len() > shown {
            writeln!(out, "  {}", style.dim(&format!("… and {} more (--all)", lines.len() - shown)))?;
        }
    }
    if found.same {
        writeln!(out, "\nno difference")?;
    }
    for note in &found.notes {
        writeln!(out, "{} {}", style.yellow("note:"), clean(note))?;
    }
    Ok(())
}

fn one(line: &Line, style: Style) -> String {
    let times = if line.count > 1 { format!(" ({}×)", line.count) } else { String::new() };
    let event = line.event.map_or(String::new(), |seq| style.dim(&format!("  event {seq}")));
    let what = format!("{}{times}", shorten(&clean(&line.what), WIDTH));
    match line.only_in {
        Side::First => format!("  {} {what}{event}", style.red("-")),
        Side::Second => format!("  {} {what}{event}", style.green("+")),
    }
}
