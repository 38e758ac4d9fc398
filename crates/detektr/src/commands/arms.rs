//! How arms are run: the arguments that several commands have in common.

use std::path::PathBuf;

/// Whether runs are used again, and who signs them.
#[derive(Debug, clap::Args)]
pub struct EvidenceArgs {
    /// Use nothing that was run before
    #[arg(long)]
    pub fresh: bool,
    /// Sign with this private key (PEM) instead of your own
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
}

/// The same, where several arms can run at once.
#[derive(Debug, clap::Args)]
pub struct ArmsArgs {
    /// Run so many at once [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: Option<u16>,
    #[command(flatten)]
    pub evidence: EvidenceArgs,
}

impl ArmsArgs {
    /// How many run at once.
    pub fn jobs(&self) -> usize {
        self.jobs.map_or(1, usize::from)
    }
}
