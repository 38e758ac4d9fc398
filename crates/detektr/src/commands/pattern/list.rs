//! `detektr pattern list`: what there is.

use super::LibraryArgs;
use crate::cli::Context;
use crate::exit;
use crate::failure::Failure;
use crate::terminal::clean;
use detektr_detect::attack;
use detektr_report::{Covered, coverage};
use detektr_validate::pattern::Pattern;
use serde_json::json;
use std::io::Write;

/// List the patterns by tactic
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    library: LibraryArgs,
    /// Only those of this tactic, such as persistence
    #[arg(long, value_name = "TACTIC")]
    tactic: Option<String>,
    /// Only those of this technique, such as T1053 with all below it
    #[arg(long, value_name = "ID")]
    technique: Option<String>,
    /// Write a layer for ATT&CK Navigator (format 4.5) to standard output
    #[arg(long)]
    navigator: bool,
}

pub fn run(args: &Args, context: &mut Context) -> Result<u8, Failure> {
    let library = args.library.library()?;
    let tactic = args.tactic.as_deref().map(tactic).transpose()?;
    let below = |own: &str, wanted: &str| own == wanted || own.split('.').next() == Some(wanted);
    let patterns: Vec<&Pattern> = library
        .patterns()
        .filter(|pattern| tactic.is_none_or(|tactic| pattern.tactic == tactic.tag))
        .filter(|pattern| args.technique.as_deref().is_none_or(|wanted| below(&pattern.technique, wanted)))
        .collect();
    if args.navigator {
        let entries = patterns.iter().map(|pattern| Covered {
            technique: &pattern.technique,
            tactic: &pattern.tactic,
            title: &pattern.title,
            count: pattern.variants.len(),
        });
        context.out.document(&coverage("Detektr patterns", entries))?;
        return Ok(exit::OK);
    }
    if context.json {
        let all: Vec<_> = patterns.iter().map(|pattern| super::show::document(pattern)).collect();
        context.out.document(&json!({ "patterns": all }))?;
        return Ok(exit::OK);
    }
    let out = &mut context.out;
    let style = out.style;
    for tactic in attack::TACTICS {
        let own: Vec<_> = patterns.iter().filter(|pattern| pattern.tactic == tactic.tag).collect();
        if own.is_empty() {
            continue;
        }
        writeln!(out, "{}", style.bold(&format!("{} ({})", tactic.name, tactic.id)))?;
        for pattern in own {
            let (id, title) = (clean(&pattern.id), clean(&pattern.title));
            let count = pattern.variants.len();
            writeln!(out, "  {id:<32} {:<10} {count} variants  {title}", pattern.technique)?;
        }
    }
    let variants: usize = patterns.iter().map(|pattern| pattern.variants.len()).sum();
    writeln!(out, "{} patterns, {variants} variants", patterns.len())?;
    Ok(exit::OK)
}

fn tactic(tag: &str) -> Result<&'static attack::Tactic, Failure> {
    attack::tactic(tag).ok_or_else(|| {
        let tags: Vec<&str> = attack::TACTICS.iter().map(|tactic| tactic.tag).collect();
        Failure::usage("detektr::pattern::tactic", format!("`{}` is no tactic", clean(tag)))
            .help(format!("use {}", tags.join(", ")))
    })
}
