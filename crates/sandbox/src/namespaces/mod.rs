//! The processes of an environment: the supervisor clones *init*, init clones a *launcher* for each program.

pub(crate) mod clone;
pub(crate) mod init;
mod keeper;
pub(crate) mod launcher;
pub(crate) mod maps;
pub(crate) mod others;
pub(crate) mod protocol;
mod starter;
pub(crate) mod subordinate;
