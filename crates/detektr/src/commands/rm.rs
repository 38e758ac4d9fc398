//! `detektr rm RUN…`: removes bundles from the data folder.

use crate::cli::Context;
use crate::exit;
use crate::failure::{Failure, shown};
use crate::recording::told;
use crate::store::Stored;
use detektr_evidence::{EvidenceError, recover};
use serde_json::json;
use std::ffi::OsString;
use std::io::{IsTerminal as _, Write as _};

/// Remove runs from the data folder
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ids, unique prefixes, or `last`
    #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "RUN")]
    runs: Vec<OsString>,
    /// Remove every run but those that are running
    #[arg(long)]
    all: bool,
    /// Ask nothing
    #[arg(long, short)]
    yes: bool,
}

/// Runs the command.
pub fn run(args: Args, context: &mut Context) -> Result<u8, Failure> {
    let store = context.store()?;
    // every word is looked up before anything is removed
    let mut chosen: Vec<Stored> = Vec::new();
    if args.all {
        chosen = store.list()?;
        if !args.yes && !chosen.is_empty() && !confirmed(chosen.len(), context.json)? {
            return Err(Failure::usage(
                "detektr::rm::unconfirmed",
                format!("{} runs were not removed", chosen.len()),
            )
            .help("to remove them all, say so: detektr rm --all --yes"));
        }
    }
    for word in &args.runs {
        let stored = store.find_stored(word)?;
        if !chosen.contains(&stored) {
            chosen.push(stored);
        }
    }
    let mut removed = Vec::new();
    for stored in chosen {
        match remove(&stored) {
            Ok(()) => removed.push(stored.id),
            Err(failure) if args.all && failure.exit() == exit::USAGE => {
                crate::complain(&format!("{} is running; it stays", stored.id));
            }
            Err(failure) => return Err(failure),
        }
    }
    if context.json {
        context.out.document(&json!({"removed": removed}))?;
    } else {
        for run in removed {
            writeln!(context.out, "removed {run}")?;
        }
    }
    Ok(exit::OK)
}

fn remove(stored: &Stored) -> Result<(), Failure> {
    let refused = |e: &dyn std::fmt::Display| {
        Failure::failed("detektr::rm", format!("can't remove {}", shown(&stored.path))).because(e)
    };
    if stored.partial {
        return match recover(&stored.path) {
            Ok(leftover) => leftover.remove().map_err(|e| refused(&e)),
            Err(e @ EvidenceError::InUse(_)) => Err(told(&stored.path, &e)),
            Err(_) => std::fs::remove_dir_all(&stored.path).map_err(|e| refused(&e)),
        };
    }
    // out of sight in one step, so that nobody meets half a bundle
    let hidden = stored.path.with_file_name(format!(".removed-{}-{}", stored.id, std::process::id()));
    std::fs::rename(&stored.path, &hidden).map_err(|e| refused(&e))?;
    std::fs::remove_dir_all(&hidden).map_err(|e| refused(&e))
}

fn confirmed(count: usize, json: bool) -> Result<bool, Failure> {
    let stdin = std::io::stdin();
    if json || !stdin.is_terminal() {
        return Ok(false);
    }
    let mut stderr = std::io::stderr();
    write!(stderr, "Remove {count} runs with all their evidence? [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    stdin.read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
