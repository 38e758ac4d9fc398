//! The arguments of `validate`.

use super::partition::Partition;
use crate::commands::arms::ArmsArgs;
use crate::commands::pattern::LibraryArgs;
use crate::commands::place::PlaceArgs;
use detektr_event::glob::Glob;
use std::path::PathBuf;

/// Ask whether controls, detections and mitigations hold, and run what the answers need
///
/// FILE is a validation (YAML); of a folder, every validation in it is taken. All of them are read and planned
/// before anything runs. What is not chosen here is taken from the project file, detektr.yaml, in the working directory or above.
///
/// The exit code is 0 where every answer holds (or is as the file expects, or as the baseline knows), 1 where one fails, 3 where
/// one can't be given or the baseline knows one that was not asked, 4 where the environment failed, and 2 where the
/// request was wrong and nothing ran.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Validation files, or folders of them
    #[arg(required = true, value_name = "FILE|DIR")]
    pub files: Vec<PathBuf>,
    /// Take the settings of this profile of the project file; `default` and `ci` are always there
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Run every arm so many times [default: what the file says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub repeat: Option<u32>,
    /// Also run each control alone, and all but each, and tell which does the work
    #[arg(long)]
    pub ablate: bool,
    /// Ask only the questions whose id fits, with * and ?; may be given several times
    #[arg(long, value_name = "ID")]
    pub only: Vec<Glob>,
    /// Ask only one of N parts of the validations, 1/N to N/N; together the parts are everything
    #[arg(long, value_name = "PART/N")]
    pub partition: Option<Partition>,
    /// Ask only what did not hold when `validate` ran last
    #[arg(long, value_enum, value_name = "WHAT", conflicts_with = "arms_from")]
    pub rerun: Option<Rerun>,
    #[command(flatten)]
    pub arms: ArmsArgs,
    /// Run arms again, up to N times, whose environment or evidence failed; never for an answer that was given [default: 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10), conflicts_with = "arms_from")]
    pub retries: Option<u32>,
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
    /// Tell what differs from the verdicts that are known; what is known not to hold is no failure
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write the verdicts to the baseline [default: detektr-baseline.yaml]
    #[arg(long)]
    pub update_baseline: bool,
    /// Take no validation that has no benign twin of its own
    #[arg(long)]
    pub require_benign: bool,
    /// Let the detection engines that the validations name run on this host, as you and outside of any environment
    #[arg(long)]
    pub engines: bool,
    #[command(flatten)]
    pub library: LibraryArgs,
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
    /// Write what fails or can't be told as SARIF 2.1.0, at the line of the rule or of the question
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
    /// Write the same as a code quality report of GitLab
    #[arg(long, value_name = "FILE")]
    pub gitlab: Option<PathBuf>,
    /// Folder that the result's folder is made in, with the bundles that it stands on [default: results/ of the
    /// data folder, the bundles in runs/]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// What is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Rerun {
    /// What did not hold the last time
    Last,
}

impl Args {
    /// Whether all questions of the files are asked.
    pub fn whole(&self) -> bool {
        self.only.is_empty() && self.partition.is_none() && self.rerun.is_none()
    }

    /// Whether anything is run.
    pub fn makes_environments(&self) -> bool {
        self.arms_from.is_none() && !self.plan
    }
}
