//! `detektr pattern`: the library of attack patterns: what there is, what one does, and whether its variants do it here.

mod lint;
mod list;
mod new;
mod run;
mod show;

use crate::cli::Context;
use crate::exit;
use crate::failure::{Failure, shown};
use detektr_validate::pattern::{Library, LibraryError};
use std::path::PathBuf;

/// List, show, run, check and begin attack patterns
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    List(list::Args),
    Show(show::Args),
    Run(Box<run::Args>),
    Lint(lint::Args),
    New(new::Args),
}

/// Where patterns come from, beside those that ship.
#[derive(Debug, clap::Args)]
pub struct LibraryArgs {
    /// Take the patterns of this folder too; may be given several times
    #[arg(long, value_name = "DIR")]
    pub patterns: Vec<PathBuf>,
}

impl LibraryArgs {
    /// All that can be named.
    pub fn library(&self) -> Result<Library, Failure> {
        Library::with(&self.patterns).map_err(unusable)
    }
}

impl Args {
    /// Whether it runs anything.
    pub fn makes_environments(&self) -> bool {
        matches!(self.action, Action::Run(_))
    }
}

/// Runs the command.
pub fn run(args: Args, context: &mut Context) -> Result<u8, Failure> {
    match args.action {
        Action::List(args) => list::run(&args, context),
        Action::Show(args) => show::run(&args, context),
        Action::Run(args) => run::run(&args, context),
        Action::Lint(args) => lint::run(&args, context),
        Action::New(args) => new::run(&args, context),
    }
}

fn unusable(error: LibraryError) -> Failure {
    match error {
        LibraryError::File(e) => Failure::foreign(exit::USAGE, e.into()),
        LibraryError::Folder { folder, source } => {
            Failure::usage("detektr::pattern::folder", format!("can't read {}", shown(&folder)))
                .because(source)
                .help("name a folder of patterns that you may read")
        }
        twice @ LibraryError::Twice { .. } => Failure::usage("detektr::pattern::twice", twice.to_string())
            .help("give one of them another id: `pattern: ID`"),
    }
}

/// There is no such pattern or variant.
pub fn unknown((what, remedy): (String, String)) -> Failure {
    Failure::usage("detektr::pattern::unknown", what).help(remedy)
}
