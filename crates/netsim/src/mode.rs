//! How the world answers.

use serde::{Deserialize, Serialize};

/// The mode of a simulated internet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Every name resolves, every host answers.
    #[default]
    Sim,
    /// Every name resolves; web servers have nothing but what the site file gives.
    #[serde(rename = "sim-404")]
    Sim404,
    /// No name exists but those of the site file.
    SimNx,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Mode; 3] = [Mode::Sim, Mode::Sim404, Mode::SimNx];

    /// The name, as on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Mode::Sim => "sim",
            Mode::Sim404 => "sim-404",
            Mode::SimNx => "sim-nx",
        }
    }
}
