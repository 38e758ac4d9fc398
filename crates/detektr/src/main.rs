//! The `detektr` command.

fn main() {}
