//! `detektr validate` from outside: the real binary, real environments, both sensors, as root and as an ordinary user.

mod controls;
mod missed;
mod ordinary;
mod pipeline;
mod support;
mod wrong_ways;
