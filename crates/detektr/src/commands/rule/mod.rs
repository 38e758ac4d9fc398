//! `detektr rule`: Sigma rules, asked about recorded runs and tried on the examples that they carry.

mod check;
mod files;
mod test;

use crate::cli::Context;
use crate::failure::Failure;

pub use files::{read, unusable};

/// Ask Sigma rules about recorded runs, or try them on their own examples
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Check(check::Args),
    Test(test::Args),
}

/// Runs the command.
pub fn run(args: Args, context: &mut Context) -> Result<u8, Failure> {
    match args.action {
        Action::Check(args) => check::run(&args, context),
        Action::Test(args) => test::run(&args, context),
    }
}
