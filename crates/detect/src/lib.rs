//! Sigma rules over recorded events: which match, on which events and by which fields, and why the others do not.
//!
//! A [`RuleSet`] is parsed and checked once; [`RuleSet::run`] asks it about the events of one run. Events are seen
//! through [`View`]s, the shapes in which log sources would tell them. What a view can't tell is unknown, not absent:
//! a rule that turns on it is undecided.
//!
//! [`Behaviours`] are what a run did, in Detektr's own taxonomy: rules and code over the native events.
#![forbid(unsafe_code)]

pub mod attack;
mod behaviour;
mod correlations;
pub mod exemplar;
mod load;
mod nearest;
pub mod operation;
mod preparation;
mod processes;
mod rules;
mod run;
mod served;
mod stable;
mod trace;
mod view;
mod why;

pub use behaviour::{
    Actor, AttackName, BehaviourReport, Behaviours, Confidence, Content, Definition, Derivation, Finding,
    Level, Reached,
};
pub use nearest::{Nearest, Unmet};
pub use preparation::Preparation;
pub use processes::Processes;
pub use rules::{RuleError, RuleRef, RuleSet};
pub use run::{Match, RuleOutcome, RuleReport, RunContext};
pub use stable::{Lots, Stable};
pub use view::{Shape, View, views};
pub use why::{FieldWhy, WhyNot};
