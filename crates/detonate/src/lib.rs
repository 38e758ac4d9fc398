//! One detonation, from an artifact to a sealed bundle: environment, sensor, witnesses and phases put together.
//!
//! [`Detonator::detonate`] is the whole of it. What is asked for stands in [`DetonateRequest`]; everything that
//! can be refused is refused before anything runs.
#![forbid(unsafe_code)]

pub mod artifact;
mod attribute;
mod beneath;
mod choose;
mod clock;
mod closing;
mod detonation;
mod doors;
mod ending;
mod error;
mod eyes;
mod images;
mod logs;
mod monitors;
mod network;
mod outputs;
mod prepare;
mod recorder;
mod request;

mod triggers;
mod witnesses;

pub use artifact::ArtifactSpec;
pub use beneath::identity as rootfs_identity;
pub use detektr_event::{Phase, SensorName};
pub use detektr_evidence::{Exit, Incomplete, State};
pub use detektr_netsim::{Mode as NetworkMode, site};
pub use detektr_sandbox::{Limits, RunAs};
pub use detektr_sensor::SensorError;
pub use detonation::{Detonator, Outcome};
pub use error::DetonateError;
pub use images::UnpackError;
pub use request::{
    DetonateRequest, NetworkChoice, Progress, RootfsChoice, SensorChoice, SetupStep, TRIGGERS,
};
