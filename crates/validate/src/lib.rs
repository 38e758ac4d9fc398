//! Validation: a file asks questions, arms answer them, a judge gives each a verdict.
//!
//! [`Plan`] is the whole of what is to be done and asked; running it makes no more choices. What the arms left is
//! reduced to [`Observed`](facts::Observed) facts, and the [`judge`](judge::judge) is a pure function of plan and facts.
#![forbid(unsafe_code)]

pub mod atomic;
mod bare;
pub mod baseline;
pub mod builtin;
pub mod engine;
pub mod evaluate;
pub mod facts;
pub mod file;
pub mod goal;
pub mod judge;
pub mod matrix;
pub mod pattern;
mod plan;
mod programs;
pub mod project;
pub mod result;
pub mod run;
mod truth;
mod verdict;

pub use plan::{
    Arm, Attack, Benign, Digest, Expect, FORMAT as PLAN_FORMAT, Goal, In, InternetPlan, Moment, On, Plan,
    Program, Question, QuestionKind, Role, Rootfs, Rules, Sensor, Step, Surroundings,
};
pub use truth::Truth;
pub use verdict::{ArmOutcome, Link, Outcome, Repeats, Verdict};
