//! `detektr completions SHELL`: the script by which a shell completes commands and options.

use crate::cli::{Cli, Context};
use crate::exit;
use crate::failure::Failure;
use clap::CommandFactory as _;
use clap_complete::Shell;
use std::io::Write as _;

/// Print the completions for a shell
///
/// For bash: `detektr completions bash > /etc/bash_completion.d/detektr`; for zsh a file `_detektr` in a folder of $fpath; for
/// fish `~/.config/fish/completions/detektr.fish`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    shell: Shell,
}

/// Runs the command.
pub fn run(args: &Args, context: &mut Context) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "detektr", &mut script);
    context.out.write_all(&script)?;
    Ok(exit::OK)
}
