//! `detektr atomic show TEST`: what a test does, with its arguments filled in.

use super::{SourceArgs, argument, document, system, unusable};
use crate::cli::Context;
use crate::exit;
use crate::failure::Failure;
use crate::terminal::{Out, clean};
use serde_json::json;
use std::io::{self, Write};

/// Show what tests do, with the commands as they would run
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// A technique (each of its tests), TECHNIQUE#NUMBER, TECHNIQUE#PART-OF-A-NAME, or a guid
    #[arg(value_name = "TEST")]
    test: String,
    /// Choose a value for an argument; may be given several times
    #[arg(long = "arg", value_name = "NAME=VALUE", value_parser = argument)]
    arguments: Vec<(String, String)>,
}

pub fn run(args: &Args, context: &mut Context) -> Result<u8, Failure> {
    let tests = args.source.open()?.named(&args.test).map_err(unusable)?;
    let mut documents = Vec::new();
    for test in &tests {
        let test = &test
            .filled(&args.arguments)
            .map_err(|(what, help)| Failure::usage("detektr::atomic::argument", what).help(help))?;
        if context.json {
            documents.push(document(test));
            continue;
        }
        let out = &mut context.out;
        let (id, user) =
            (out.style.bold(&clean(&test.id())), if test.executor.elevated { "root" } else { "user" });
        writeln!(out, "{id}  {}", clean(&test.name))?;
        writeln!(out, "guid      {}", clean(&test.guid))?;
        writeln!(out, "runs as   {user}, by {}", clean(&test.executor.name))?;
        if let (name @ ("freebsd" | "other"), why) = system(test) {
            writeln!(out, "system    {name}: {}", clean(&why))?;
        }
        block(out, "", &test.description)?;
        for one in &test.arguments {
            let chosen = args.arguments.iter().rev().find(|(name, _)| *name == one.name);
            let value = chosen.map_or(&one.default, |(_, value)| value);
            writeln!(out, "argument  {}={}  {}", clean(&one.name), clean(value), clean(&one.description))?;
        }
        for one in &test.dependencies {
            block(out, "needs", &one.description)?;
            block(out, "  is it there", &one.prereq)?;
            block(out, "  getting it", &one.get_prereq)?;
        }
        block(out, "command", &test.executor.command)?;
        block(out, "steps", &test.executor.steps)?;
        block(out, "cleanup (never run: the environment is thrown away)", &test.executor.cleanup)?;
        writeln!(out)?;
    }
    if context.json {
        context.out.document(&json!({ "tests": documents }))?;
    }
    Ok(exit::OK)
}

fn block(out: &mut Out, name: &str, text: &str) -> io::Result<()> {
    if text.trim().is_empty() {
        return Ok(());
    }
    if !name.is_empty() {
        writeln!(out, "{name}")?;
    }
    text.trim_end().lines().try_for_each(|line| writeln!(out, "  {}", clean(line)))
}
