//! The simulated internet: what answers an environment's packets, and the record of every one of them.
#![forbid(unsafe_code)]

pub mod capture;
pub mod hello;
pub mod leak;
