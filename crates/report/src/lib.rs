//! What a run or a verdict tells, for other tools and for people: the report of a run and its forms, JUnit for
//! pipelines, Markdown for comments and wikis. Nothing here runs anything or judges anything.
#![forbid(unsafe_code)]

pub mod clean;
pub mod describe;
mod junit;
mod markdown;
pub mod tree;

pub use junit::junit;
pub use markdown::markdown;
