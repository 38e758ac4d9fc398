//! `detektr tree RUN`: the process tree, with what each process did.

use crate::cli::Context;
use crate::failure::Failure;
use crate::recording::Recording;
use crate::tree::{Bounds, Tree, render};
use serde_json::json;
use std::ffi::OsString;

/// Show the process tree of a run, with what each process did
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id, unique prefix, `last`, or path of a bundle
    run: OsString,
    /// Show every entry of every list, however long
    #[arg(long)]
    all: bool,
}

/// Runs the command.
pub fn run(args: Args, context: &mut Context) -> Result<u8, Failure> {
    let recording = Recording::open(&context.store()?, &args.run)?;
    let mut tree = Tree::default();
    let code = recording.each(|event| {
        tree.add(&event);
        Ok(true)
    })?;
    if context.json {
        context.out.document(&json!({
            "run": recording.run(),
            "processes": tree.document(),
            "unkept_events": tree.unkept_events,
        }))?;
    } else {
        let bounds = if args.all { Bounds::ALL } else { Bounds::SHORT };
        let style = context.out.style;
        render(&tree, bounds, style, &mut context.out)?;
    }
    Ok(code)
}
