//! Sensors: what watches an environment and tells what happened in it.
//!
//! A sensor yields [`raw::Raw`] records; [`decode::Decoder`] makes events of them. Adding a watched call is a
//! line in [`calls`] and a case in `decode`.

pub mod calls;
pub mod decode;
pub mod ebpf;
mod executed;
mod hashes;
pub mod ptrace;
pub mod raw;
mod sensor;
mod tracker;

pub use executed::ExecutedFiles;
pub use sensor::{Closing, Counts, Description, Hole, Pauses, Rings, Sensor, SensorError, Target, Watching};
