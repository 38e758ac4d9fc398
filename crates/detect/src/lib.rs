//! Sigma rules over recorded events: which match, on which events, and why the others do not.
#![forbid(unsafe_code)]
