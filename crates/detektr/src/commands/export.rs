//! `detektr export RUN`: one file to take elsewhere.

use crate::cli::Context;
use crate::exit;
use crate::failure::{Failure, shown};
use crate::recording::{sealed, told};
use crate::units::show_size;
use serde_json::json;
use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;

/// Write a sealed bundle as one .tar.zst file
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
}

/// Runs the command.
pub fn run(args: Args, context: &mut Context) -> Result<u8, Failure> {
    let path = context.store()?.find(&args.run)?;
    let bundle = sealed(&path)?;
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
        context.out.document(&json!({"run": run, "file": file, "size": size}))?;
    } else {
        writeln!(context.out, "{} ({})", shown(&file), show_size(size))?;
    }
    Ok(exit::OK)
}
