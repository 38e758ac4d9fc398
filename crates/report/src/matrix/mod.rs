//! The evidence matrix as a page, and as a layer for ATT&CK Navigator.

mod layer;
mod page;

pub use layer::matrix_layer;
pub use page::matrix_html;
