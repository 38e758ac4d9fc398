//! `detektr atomic list`: what there is.

use super::{SourceArgs, document, system, unusable};
use crate::cli::Context;
use crate::exit;
use crate::failure::Failure;
use crate::terminal::clean;
use detektr_validate::atomic::Test;
use serde_json::json;
use std::io::Write;

/// List the tests by technique
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// Only those of this technique, such as T1053 with all below it
    #[arg(long, value_name = "ID")]
    technique: Option<String>,
    /// Those for other systems too
    #[arg(long)]
    all: bool,
}

pub fn run(args: &Args, context: &mut Context) -> Result<u8, Failure> {
    let below = |own: &str, wanted: &str| own == wanted || own.split('.').next() == Some(wanted);
    let mut tests: Vec<Test> = args.source.open()?.all().map_err(unusable)?;
    tests.retain(|test| args.technique.as_deref().is_none_or(|wanted| below(&test.technique, wanted)));
    tests.retain(|test| args.all || system(test).0 == "linux");
    if context.json {
        let all: Vec<_> = tests.iter().map(document).collect();
        context.out.document(&json!({ "tests": all }))?;
        return Ok(exit::OK);
    }
    for test in &tests {
        let user = if test.executor.elevated { "root" } else { "user" };
        let system = match system(test) {
            ("linux", _) => String::new(),
            (name, why) => format!("  ({name}: {})", clean(&why)),
        };
        let (id, executor, name) = (test.id(), clean(&test.executor.name), clean(&test.name));
        writeln!(context.out, "{:<14} {executor:<10} {user}  {name}{system}", clean(&id))?;
    }
    let manual = tests.iter().filter(|test| test.executor.name == "manual").count();
    writeln!(context.out, "{} tests, {manual} of them manual", tests.len())?;
    Ok(exit::OK)
}
