//! What makes each behaviour happen, and what only looks like it: shell scripts, harmless, that run inside an environment.

mod access;
mod collection;
mod discovery;
mod escalation;
mod execution;
mod impact;
mod impairment;
mod internet;
mod network;
mod persistence;
mod stealth;

pub use internet::SITE;

/// One behaviour's test.
pub struct Case {
    /// The behaviour.
    pub id: &'static str,
    /// Shell commands that make it happen.
    pub act: &'static str,
    /// Shell commands that come near and are something else.
    pub near: &'static str,
}

const fn case(id: &'static str, act: &'static str, near: &'static str) -> Case {
    Case { id, act, near }
}

/// Every case that root of an environment runs as a script.
pub fn all() -> impl Iterator<Item = &'static Case> {
    [
        access::CASES,
        collection::CASES,
        discovery::CASES,
        escalation::CASES,
        execution::CASES,
        impact::CASES,
        impairment::CASES,
        network::CASES,
        persistence::CASES,
        stealth::CASES,
    ]
    .into_iter()
    .flatten()
}

/// Every case that needs an internet, a simulated one.
pub fn on_the_internet() -> impl Iterator<Item = &'static Case> {
    internet::CASES.iter()
}
