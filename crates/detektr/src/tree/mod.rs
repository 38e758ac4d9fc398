//! The process tree of a run for people, with what each process did.

mod render;

pub use detektr_report::tree::Tree;
pub use render::{Bounds, render};
