//! The command line from outside: the real binary, in a data folder of its own.

mod detonating;
mod help;
mod images;
mod reading;
mod rules;
#[path = "../../src/sample.rs"]
mod sample;
mod sealing;
mod support;
mod usage;
