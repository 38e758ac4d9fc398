//! The root file system: planned by the supervisor (which host folders, what is given in their stead), mounted
//! by init.

pub(crate) mod dir;
pub(crate) mod given;
pub(crate) mod host;
pub mod image;
pub(crate) mod mirror;
pub(crate) mod mounts;
pub(crate) mod overlay;
pub(crate) mod remove;
