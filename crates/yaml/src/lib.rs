//! YAML in which everything knows its place, and errors that show it: what Detektr's own files (profiles, validations)
//! are read with. A file is read whole; every mistake is told with line, column and a remedy.
#![forbid(unsafe_code)]

mod file;
mod harmless;
mod problem;
mod reader;
mod tree;
mod units;

pub use file::{read, text};
pub use harmless::shown;
pub use problem::{Problem, locate};
pub use reader::{Reader, suggestion};
pub use tree::{Key, Node, Value};
pub use units::{duration, size};
