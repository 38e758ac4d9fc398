//! The process tree of a run, with what each process did.

mod acts;
mod model;
mod render;

pub use model::Tree;
pub use render::{Bounds, render};
