//! The commands, one file each.

mod arms;
pub mod atomic;
pub mod behaviours;
pub mod completions;
pub mod detonate;
pub mod diff;
pub mod doctor;
pub mod events;
pub mod export;
pub mod judge;
pub mod key;
pub mod man;
pub mod pattern;
pub mod persistence;
mod place;
pub mod report;
pub mod rm;
pub mod rule;
pub mod runs;
pub mod show;
pub mod tree;
mod trigger;
pub mod validate;
pub mod verify;
