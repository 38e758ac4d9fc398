//! `detektr man DIR`: the manual pages, one for each command.

use crate::cli::{Cli, Context};
use crate::exit;
use crate::failure::{Failure, shown};
use crate::terminal::in_json;
use clap::CommandFactory as _;
use serde_json::json;
use std::io::Write as _;
use std::path::PathBuf;

/// Write the manual pages into a folder
///
/// One page for each command, in section 1: `detektr man /usr/local/share/man/man1`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder; it is made where it is not there
    folder: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args, context: &mut Context) -> Result<u8, Failure> {
    let written = std::fs::create_dir_all(&args.folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), &args.folder));
    written.map_err(|e| {
        Failure::usage("detektr::man", format!("can't write manual pages to {}", shown(&args.folder)))
            .because(e)
            .help("name a folder that you may write to")
    })?;
    if context.json {
        context.out.document(&json!({ "folder": in_json(&args.folder) }))?;
    } else {
        writeln!(context.out, "manual pages written to {}", shown(&args.folder))?;
    }
    Ok(exit::OK)
}
