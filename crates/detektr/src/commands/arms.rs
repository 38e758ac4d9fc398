//! How arms are run: the arguments that several commands have in common.

use detektr_validate::Arm;
use detektr_validate::run::{Settings, Stage};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// How many run at once, whether runs are used again, and who signs them.
#[derive(Debug, clap::Args)]
pub struct ArmsArgs {
    /// Run so many at once [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: Option<u16>,
    /// Use nothing that was run before
    #[arg(long)]
    pub fresh: bool,
    /// Sign with this private key (PEM) instead of your own
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
}

impl ArmsArgs {
    /// How many run at once.
    pub fn jobs(&self) -> usize {
        self.jobs.map_or(1, usize::from)
    }

    /// How arms are run with the data folder `home`, until `cancel` is set.
    pub fn settings<'a>(
        &self,
        home: &Path,
        cancel: &Arc<AtomicBool>,
        progress: &'a (dyn Fn(&Arm, Stage) + Sync),
    ) -> Settings<'a> {
        Settings {
            home: home.to_owned(),
            key: self.key.clone(),
            jobs: self.jobs(),
            fresh: self.fresh,
            ring_bytes: None,
            cancel: cancel.clone(),
            progress,
        }
    }
}
