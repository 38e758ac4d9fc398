//! The arguments of `validate`.

use crate::commands::arms::ArmsArgs;
use crate::commands::place::PlaceArgs;
use detektr_event::glob::Glob;
use std::path::PathBuf;

/// Ask whether controls, detections and mitigations hold, and run what the answers need
///
/// FILE is a validation (YAML); of a folder, every validation in it is taken. All of them are read and planned
/// before anything runs.
///
/// The exit code is 0 where every answer holds (or is as the file expects), 1 where one fails, 3 where one can't be
/// given, 4 where the environment failed, and 2 where the request was wrong and nothing ran.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Validation files, or folders of them
    #[arg(required = true, value_name = "FILE|DIR")]
    pub files: Vec<PathBuf>,
    /// Run every arm so many times [default: what the file says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub repeat: Option<u32>,
    /// Also run each control alone, and all but each, and tell which does the work
    #[arg(long)]
    pub ablate: bool,
    /// Ask only the questions whose id fits, with * and ?; may be given several times
    #[arg(long, value_name = "ID")]
    pub only: Vec<Glob>,
    #[command(flatten)]
    pub arms: ArmsArgs,
    /// Judge arms that were run before: a result, or a folder of bundles; nothing is run
    #[arg(long, value_name = "RESULT|DIR")]
    pub arms_from: Option<PathBuf>,
    /// Print the plan and run nothing
    #[arg(long)]
    pub plan: bool,
    /// Where the seeds of the repeats come from; another one gives other names, baits and hosts
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Exit with 1 only where something of this severity or higher fails
    #[arg(long, value_name = "LEVEL", value_parser = ["informational", "low", "medium", "high", "critical"])]
    pub fail_on: Option<String>,
    /// Take no validation that has no benign twin of its own
    #[arg(long)]
    pub require_benign: bool,
    /// Where tests of Atomic Red Team come from: a checkout of the original
    #[arg(long, value_name = "DIR")]
    pub atomics: Option<PathBuf>,
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Write the verdicts as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write the verdicts as Markdown
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// Folder that the result's folder is made in, with the bundles that it stands on [default: results/ of the
    /// data folder, the bundles in runs/]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

impl Args {
    /// Whether anything is run.
    pub fn makes_environments(&self) -> bool {
        self.arms_from.is_none() && !self.plan
    }
}
