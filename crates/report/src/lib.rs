//! Verdicts for other tools and for people: JUnit for pipelines, Markdown for comments and wikis. Pure: verdicts in,
//! text out.
#![forbid(unsafe_code)]

mod junit;
mod markdown;

pub use junit::junit;
pub use markdown::markdown;
