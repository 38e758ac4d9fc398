//! `detektr rule`: Sigma rules, asked about recorded runs, held against executed attacks, and tried on the examples that they carry.

mod check;
mod files;
mod matrix;
mod test;

use crate::cli::Context;
use crate::failure::Failure;

pub use files::{read, unusable};

/// Ask Sigma rules about recorded runs, hold them against executed attacks, or try them on their own examples
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Check(check::Args),
    Matrix(Box<matrix::Args>),
    Test(test::Args),
}

impl Args {
    /// Whether it runs anything.
    pub fn makes_environments(&self) -> bool {
        matches!(self.action, Action::Matrix(_))
    }
}

/// Runs the command.
pub fn run(args: Args, context: &mut Context) -> Result<u8, Failure> {
    match args.action {
        Action::Check(args) => check::run(&args, context),
        Action::Matrix(args) => matrix::run(&args, context),
        Action::Test(args) => test::run(&args, context),
    }
}
