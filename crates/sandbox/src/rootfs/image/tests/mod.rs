//! Honest images arrive whole; hostile ones reach nothing outside of their folder.

mod build;
mod honest;
mod hostile;
mod messages;
