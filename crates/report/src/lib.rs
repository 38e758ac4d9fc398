//! What a run or a verdict tells, for other tools and for people: the report of a run and its forms, JUnit, SARIF and the
//! forms of GitHub and GitLab for pipelines, Markdown for comments and wikis. Nothing here runs anything or judges anything.
#![forbid(unsafe_code)]

mod ablation;
mod build;
pub mod clean;
pub mod describe;
pub mod difference;
pub mod github;
mod gitlab;
mod html;
mod junit;
mod markdown;
mod matrix;
pub mod model;
mod navigator;
mod ocsf;
mod placed;
mod run_markdown;
mod sarif;
pub mod tree;

pub use ablation::ablation_markdown;
pub use build::{BuildError, report};
pub use gitlab::gitlab;
pub use html::html;
pub use junit::junit;
pub use markdown::{compared, markdown};
pub use matrix::{matrix_html, matrix_layer};
pub use navigator::{Covered, coverage, navigator};
pub use ocsf::ocsf;
pub use placed::Placed;
pub use run_markdown::run_markdown;
pub use sarif::sarif;
