//! `detektr rule test RULES`: the rules, tried on the examples that they carry.

use super::files::{Loaded, unusable};
use crate::cli::Context;
use crate::exit;
use crate::failure::Failure;
use crate::terminal::clean;
use serde_json::json;
use std::io::Write as _;
use std::path::PathBuf;

/// Try rules on the examples that they carry (`rsigma.exemplars`)
///
/// `detektr export RUN --exemplars RULE` writes such examples.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 every example holds; 1 one does not; 2 no rule can be loaded, or an example is \
                        misshapen; 3 no rule has examples, or some rule could not be loaded."
)]
pub struct Args {
    /// A rule file, or a folder of .yml and .yaml files
    rules: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args, context: &mut Context) -> Result<u8, Failure> {
    let loaded = Loaded::open(&args.rules)?;
    let report = loaded.rules.run_exemplars().map_err(|error| unusable(&[error]))?;
    let failed = report.exemplars.iter().filter(|one| !one.passed).count();
    if context.json {
        context.out.document(&json!({
            "exemplars": report.exemplars, "without": report.without, "not_loaded": loaded.document(),
        }))?;
    } else {
        let out = &mut context.out;
        let style = out.style;
        loaded.complain(out)?;
        for one in report.exemplars.iter().filter(|one| !one.passed) {
            let (title, name) = (clean(&one.rule.title), clean(&one.name));
            let why = one.why.as_deref().map(clean).unwrap_or_default();
            writeln!(out, "{} {} example `{name}`: {why}", style.red("fails"), style.bold(&title))?;
            writeln!(out, "  {}", style.dim(&clean(&one.rule.file)))?;
        }
        let held = report.exemplars.len() - failed;
        writeln!(out, "{held} of {} examples hold", report.exemplars.len())?;
        if !report.without.is_empty() {
            writeln!(out, "{} rules have none", report.without.len())?;
        }
    }
    Ok(match (failed, report.exemplars.is_empty() || !loaded.not_loaded.is_empty()) {
        (0, false) => exit::OK,
        (0, true) => exit::INCOMPLETE,
        _ => exit::FAILS,
    })
}
