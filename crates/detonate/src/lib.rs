//! One detonation, from an artifact to a sealed bundle: environment, sensor, witnesses and phases put together.

pub mod artifact;
