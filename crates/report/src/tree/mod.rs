//! The process tree of a run, with what each process did.

mod acts;
mod model;

pub use acts::{Acts, Bounded, FailedAct, FileActs};
pub use model::{End, Process, Program, Tree};
