//! `detektr pattern show ID`: what a pattern does, whole.

use super::{LibraryArgs, unknown};
use crate::cli::Context;
use crate::exit;
use crate::failure::Failure;
use crate::terminal::clean;
use detektr_detect::attack;
use detektr_validate::pattern::{Pattern, Script};
use serde_json::{Value, json};
use std::io::{self, Write};

/// Show what a pattern does, with the text of all that it runs
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    library: LibraryArgs,
    /// A pattern, or one variant of it: ID#VARIANT
    #[arg(value_name = "ID")]
    id: String,
}

pub fn run(args: &Args, context: &mut Context) -> Result<u8, Failure> {
    let library = args.library.library()?;
    let named = library.named(&args.id).map_err(unknown)?;
    let pattern = named.pattern;
    if context.json {
        context.out.document(&document(pattern))?;
        return Ok(exit::OK);
    }
    let out = &mut context.out;
    let style = out.style;
    let technique = attack::technique(&pattern.technique).map_or("", |known| known.name);
    writeln!(out, "{}  {}", style.bold(&clean(&pattern.id)), clean(&pattern.title))?;
    writeln!(out, "ATT&CK    {} {technique} ({})", pattern.technique, pattern.tactic)?;
    writeln!(out, "emulates  {}", clean(&pattern.emulates))?;
    writeln!(out, "harmless  {}", clean(&pattern.harmless))?;
    writeln!(out, "goal      {}", clean(&pattern.goal.condition))?;
    writeln!(out, "runs as   {}", if pattern.root { "root" } else { "user" })?;
    for variant in named.variants() {
        tell(out, &format!("variant {}", variant.name), &variant.script)?;
    }
    tell(out, "benign twin", &pattern.benign)?;
    Ok(exit::OK)
}

fn tell(out: &mut crate::terminal::Out, name: &str, script: &Script) -> io::Result<()> {
    let style = out.style;
    writeln!(out, "\n{}", style.bold(&clean(name)))?;
    if !script.requires.is_empty() {
        writeln!(out, "  needs {}", clean(&script.requires.join(", ")))?;
    }
    script.text.lines().try_for_each(|line| writeln!(out, "  {}", clean(line)))
}

/// A pattern for `--json`.
pub fn document(pattern: &Pattern) -> Value {
    let script = |script: &Script| json!({"script": script.text, "requires": script.requires});
    let variants: serde_json::Map<String, Value> =
        pattern.variants.iter().map(|variant| (variant.name.clone(), script(&variant.script))).collect();
    json!({
        "id": pattern.id, "title": pattern.title, "technique": pattern.technique, "tactic": pattern.tactic,
        "emulates": pattern.emulates, "harmless": pattern.harmless, "goal": pattern.goal.condition,
        "as": if pattern.root { "root" } else { "user" }, "variants": variants,
        "benign": script(&pattern.benign), "source": pattern.source,
    })
}
