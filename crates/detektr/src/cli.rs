//! The command line: every command in one list; each command's own arguments stand with the command.

use crate::commands;
use crate::failure::Failure;
use crate::store::Store;
use crate::terminal::Out;
use clap::{Parser, Subcommand};

/// Runtime security validation: run it in a throw-away place and see what really happens.
#[derive(Debug, Parser)]
#[command(name = "detektr", version, max_term_width = 100, propagate_version = false)]
#[command(
    after_help = "Exit codes: 0 completed or valid; 1 a check failed; 2 wrong usage or bad input, found before \
                        anything ran; 3 cut short or incomplete; 4 the environment or Detektr itself failed.\n\
                        Data folder: $DETEKTR_HOME, else $XDG_DATA_HOME/detektr, else ~/.local/share/detektr."
)]
pub struct Cli {
    /// Write one JSON document to standard output, and nothing else
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Detonate(Box<commands::detonate::Args>),
    Validate(Box<commands::validate::Args>),
    Judge(commands::judge::Args),
    Pattern(commands::pattern::Args),
    Atomic(commands::atomic::Args),
    Rule(commands::rule::Args),
    Runs(commands::runs::Args),
    Show(commands::show::Args),
    Behaviours(commands::behaviours::Args),
    Events(commands::events::Args),
    Tree(commands::tree::Args),
    Report(commands::report::Args),
    Diff(commands::diff::Args),
    Export(commands::export::Args),
    Verify(commands::verify::Args),
    Rm(commands::rm::Args),
    Key(commands::key::Args),
    Doctor(commands::doctor::Args),
    Completions(commands::completions::Args),
    Man(commands::man::Args),
}

/// What every command gets.
pub struct Context {
    /// `--json`.
    pub json: bool,
    /// Standard output.
    pub out: Out,
}

impl Context {
    /// The data folder.
    pub fn store(&self) -> Result<Store, Failure> {
        Store::from_env()
    }
}

impl Cli {
    /// Whether it runs anything.
    pub fn makes_environments(&self) -> bool {
        match &self.command {
            Command::Detonate(_) => true,
            Command::Validate(args) => args.makes_environments(),
            Command::Pattern(args) => args.makes_environments(),
            Command::Atomic(args) => args.makes_environments(),
            Command::Rule(args) => args.makes_environments(),
            _ => false,
        }
    }

    /// Runs the command; its exit code.
    pub fn run(self, context: &mut Context) -> Result<u8, Failure> {
        match self.command {
            Command::Detonate(args) => commands::detonate::run(*args, context),
            Command::Validate(args) => commands::validate::run(*args, context),
            Command::Judge(args) => commands::judge::run(args, context),
            Command::Pattern(args) => commands::pattern::run(args, context),
            Command::Atomic(args) => commands::atomic::run(args, context),
            Command::Rule(args) => commands::rule::run(args, context),
            Command::Runs(args) => commands::runs::run(args, context),
            Command::Show(args) => commands::show::run(args, context),
            Command::Behaviours(args) => commands::behaviours::run(&args, context),
            Command::Events(args) => commands::events::run(args, context),
            Command::Tree(args) => commands::tree::run(args, context),
            Command::Report(args) => commands::report::run(args, context),
            Command::Diff(args) => commands::diff::run(args, context),
            Command::Export(args) => commands::export::run(args, context),
            Command::Verify(args) => commands::verify::run(args, context),
            Command::Rm(args) => commands::rm::run(args, context),
            Command::Key(args) => commands::key::run(args, context),
            Command::Doctor(args) => commands::doctor::run(args, context),
            Command::Completions(args) => commands::completions::run(&args, context),
            Command::Man(args) => commands::man::run(&args, context),
        }
    }
}
