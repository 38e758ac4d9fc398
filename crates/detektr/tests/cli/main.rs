//! The command line from outside: the real binary, in a data folder of its own.

mod confined;
mod detonating;
#[path = "../common/docker_save.rs"]
mod docker_save;
mod help;
mod images;
mod reading;
mod rules;
#[path = "../../src/sample.rs"]
mod sample;
mod sealing;
mod stacked;
mod support;
mod usage;
