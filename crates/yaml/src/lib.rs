//! YAML in which everything knows its place, and errors that show it.
#![forbid(unsafe_code)]
