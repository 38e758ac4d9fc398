//! Rules over events made by hand, and those that Sigma publishes for Linux.

mod corpus;
mod correlations;
mod events;
mod exemplars;
mod loading;
mod logs;
mod matching;
