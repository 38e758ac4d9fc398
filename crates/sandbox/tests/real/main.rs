//! Environments that really run.

mod cleanup;
mod common;
mod limits;
mod ordinary;
mod rootfs;
mod walls;
