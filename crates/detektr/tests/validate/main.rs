//! `detektr validate` from outside: the real binary, real environments, both sensors, as root and as an ordinary user.

mod controls;
#[path = "../common/docker_save.rs"]
mod docker_save;
mod engines;
mod images;
mod known;
mod leaving;
mod missed;
mod monitors;
mod ordinary;
mod pipeline;
mod pipelines;
mod schemas;
mod support;
mod tampering;
mod wrong_ways;
