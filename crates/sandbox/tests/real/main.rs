//! Environments that really run.

mod cleanup;
mod common;
mod limits;
mod network;
mod ordinary;
mod paused;
mod rootfs;
mod setup;
mod subordinate;
mod walls;
