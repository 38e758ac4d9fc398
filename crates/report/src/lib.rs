//! Verdicts for other tools and for people: JUnit and Markdown.
#![forbid(unsafe_code)]
