//! `detektr export RUN`: one file to take elsewhere, or the events that a rule matched as examples in its own file.

use crate::cli::Context;
use crate::commands::rule;
use crate::exit;
use crate::failure::{Failure, shown};
use crate::recording::{damaged, sealed, told};
use crate::replace::replace;
use crate::terminal::in_json;
use crate::units::show_size;
use detektr_detect::exemplar::{WRITTEN, with_exemplars};
use detektr_detect::{RuleSet, RunContext};
use detektr_evidence::Bundle;
use serde_json::json;
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Write a sealed bundle as one .tar.zst file, or its events into a rule as examples
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id, unique prefix, `last`, or path of a bundle
    run: OsString,
    /// Where to write it [default: RUN.tar.zst in the working directory]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Replace a file that is there already
    #[arg(long)]
    force: bool,
    /// Write no bundle: add the events that this rule matches to it, as examples for `detektr rule test`
    #[arg(long, value_name = "RULE_FILE", conflicts_with_all = ["file", "force"])]
    exemplars: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args, context: &mut Context) -> Result<u8, Failure> {
    let path = context.store()?.find(&args.run)?;
    let bundle = sealed(&path)?;
    if let Some(rule) = &args.exemplars {
        return exemplars(&bundle, rule, context);
    }
    let run = bundle.manifest().run.clone();
    let file = args.file.unwrap_or_else(|| PathBuf::from(format!("{run}.tar.zst")));
    if file.symlink_metadata().is_ok() {
        if !args.force {
            return Err(Failure::usage(
                "detektr::export::exists",
                format!("{} is there already", shown(&file)),
            )
            .help("name another file, or replace it with --force"));
        }
        std::fs::remove_file(&file).map_err(|e| {
            Failure::usage("detektr::export::exists", format!("can't replace {}", shown(&file)))
                .because(e)
                .help("name another file")
        })?;
    }
    bundle.export(&file).map_err(|e| told(&path, &e))?;
    let size = std::fs::metadata(&file)?.len();
    if context.json {
        context.out.document(&json!({"run": run, "file": in_json(&file), "size": size}))?;
    } else {
        writeln!(context.out, "{} ({})", shown(&file), show_size(size))?;
    }
    Ok(exit::OK)
}

/// Adds the events of the run that the rule matches to its file.
fn exemplars(bundle: &Bundle, rule: &Path, context: &mut Context) -> Result<u8, Failure> {
    let manifest = bundle.manifest();
    let content = rule::read(rule)?;
    let name = shown(rule);
    let rules = RuleSet::load([(name.as_str(), content.as_slice())]).map_err(|all| rule::unusable(&all))?;
    let events = || bundle.events().map_err(|e| told(bundle.path(), &e));
    let report = rules
        .run(&RunContext::of(manifest.artifact.path.as_ref(), false), events()?)
        .map_err(|e| damaged(bundle, &e))?;
    let views = rules.matching_views(&report, events()?).map_err(|e| damaged(bundle, &e))?;
    // the rules could be parsed, so it is UTF-8
    let text = String::from_utf8_lossy(&content);
    let text = with_exemplars(&name, &text, &manifest.run, &views)
        .map_err(|e| Failure::usage("detektr::export::exemplars", e.to_string()).help(e.remedy))?;
    replace(rule, text.as_bytes()).map_err(|e| {
        Failure::usage("detektr::export::exemplars", format!("can't write {name}"))
            .because(e)
            .help("give yourself write permission to the file and its folder")
    })?;
    let written = views.len().min(WRITTEN);
    let left_out = views.len() - written;
    if context.json {
        let document =
            json!({"run": manifest.run, "file": in_json(rule), "written": written, "left_out": left_out});
        context.out.document(&document)?;
    } else {
        let rest = if left_out > 0 { format!("; {left_out} more were left out") } else { String::new() };
        writeln!(context.out, "{name}: {written} examples added{rest}")?;
    }
    Ok(exit::OK)
}
