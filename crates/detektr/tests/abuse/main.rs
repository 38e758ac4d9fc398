//! Bad input and artifacts that mean harm, through the real binary, as root and as an ordinary user: each ends in
//! the state, exit code and message that the design names, and nothing of it stays behind.

mod abusers;
mod bad_images;
mod bad_input;
mod chrooted;
mod disk;
mod killed;
mod left;
mod several;
mod support;
