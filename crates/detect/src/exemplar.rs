//! The examples that rules carry, run and written.
