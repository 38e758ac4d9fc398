//! Evidence, tested from outside: everything here uses the public interface alone.

mod bundle;
mod common;
mod formats;
mod fsdiff;
mod keys;
mod model;
mod reconcile;
