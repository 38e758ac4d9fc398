//! What a run or a verdict tells, for other tools and for people: the report of a run and its forms, JUnit for
//! pipelines, Markdown for comments and wikis. Nothing here runs anything or judges anything.
#![forbid(unsafe_code)]

mod build;
pub mod clean;
pub mod describe;
pub mod difference;
mod html;
mod junit;
mod markdown;
mod matrix;
pub mod model;
mod navigator;
mod ocsf;
mod run_markdown;
pub mod tree;

pub use build::{BuildError, report};
pub use html::html;
pub use junit::junit;
pub use markdown::markdown;
pub use matrix::{matrix_html, matrix_layer};
pub use navigator::{Covered, coverage, navigator};
pub use ocsf::ocsf;
pub use run_markdown::run_markdown;
