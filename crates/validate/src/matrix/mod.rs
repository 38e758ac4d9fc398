//! The evidence matrix: every rule is held against executions of attacks and of their twins, and for each it is told what
//! proves it, what it missed, and what no execution can tell.
//!
//! An [`Exercise`] is an attack that can be executed, whatever source it is from; [`run`](run()) detonates each once, and
//! each twin once, and asks the rules; [`matrix`] is a pure function of what came of that.

mod difference;
mod exercise;
mod judge;
mod model;
mod run;
mod technique;
#[cfg(test)]
mod tests;

pub use exercise::{Exercise, atomics, patterns};
pub use judge::matrix;
pub use model::{
    Condition, Contrast, FORMAT, Hit, Matrix, Miss, NotLoaded, Open, RuleRow, State, Status, Totals, Twin,
    VariantRow,
};
pub use run::{Execution, MatrixError, Seen, Settings, check, detonations, run};
pub use technique::{Relation, relation, techniques};
