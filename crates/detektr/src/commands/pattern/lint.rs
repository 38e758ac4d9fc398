//! `detektr pattern lint FILE|DIR…`: whether files are patterns, without running them.

use crate::cli::Context;
use crate::exit;
use crate::failure::{Failure, shown};
use crate::terminal::clean;
use detektr_validate::file::{FileError, yaml_files};
use detektr_validate::pattern::{Library, Pattern};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// Check patterns without running them
///
/// What is wrong is told with its line and column. A pattern with fewer than three variants, or whose id is one that
/// ships, is told too. The exit code is 1 where something is to be told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Pattern files, or folders of them
    #[arg(required = true, value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
}

/// Variants that a detection should be held against at least.
const VARIANTS: usize = 3;

pub fn run(args: &Args, context: &mut Context) -> Result<u8, Failure> {
    let mut files = Vec::new();
    for path in &args.files {
        let unreadable = |e| {
            Failure::usage("detektr::pattern::file", format!("can't read {}", shown(path)))
                .because(e)
                .help("name a pattern's file, or a folder of them")
        };
        if std::fs::metadata(path).map_err(unreadable)?.is_dir() {
            files.extend(yaml_files(path).map_err(unreadable)?);
        } else {
            files.push(path.clone());
        }
    }
    let (mut good, mut mistakes) = (Vec::new(), Vec::new());
    for file in &files {
        match Pattern::of(file) {
            Ok(pattern) => good.push(pattern),
            Err(e) => mistakes.push(e),
        }
    }
    if !mistakes.is_empty() {
        return Err(Failure::foreign(exit::FAILS, FileError::together(mistakes).into()));
    }
    let shipped = Library::shipped();
    let mut notes = Vec::new();
    for (at, pattern) in good.iter().enumerate() {
        let (source, id) = (clean(&pattern.source), clean(&pattern.id));
        let twice = good[..at].iter().any(|other| other.id == pattern.id);
        let ships = shipped.named(&pattern.id).is_ok_and(|known| {
            (&known.pattern.variants, &known.pattern.benign) != (&pattern.variants, &pattern.benign)
        });
        if twice || ships {
            notes.push(format!("{source}: the id `{id}` is taken; give the pattern another"));
        }
        if pattern.variants.len() < VARIANTS {
            let count = pattern.variants.len();
            notes.push(format!("{source}: {count} variants; a rule that finds them may find nothing else"));
        }
    }
    if context.json {
        context.out.document(&json!({"patterns": good.len(), "notes": notes}))?;
    } else {
        notes.iter().try_for_each(|note| writeln!(context.out, "{note}"))?;
        let variants: usize = good.iter().map(|pattern| pattern.variants.len()).sum();
        writeln!(context.out, "{} patterns, {variants} variants; {} notes", good.len(), notes.len())?;
    }
    Ok(if notes.is_empty() { exit::OK } else { exit::FAILS })
}
