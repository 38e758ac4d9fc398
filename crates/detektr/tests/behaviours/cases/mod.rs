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

/// Takes seconds of CPU time, and at least this share of one processor over its life: where the machine is busy with others
/// it goes on until it has had that. Python's hashes don't hold its lock.
macro_rules! burn {
    ($seconds:literal, $share:literal) => {
        concat!(
            "import hashlib, threading, time\n",
            "begin = time.monotonic()\n",
            "def burn():\n",
            "    while time.process_time() < max(",
            $seconds,
            ", ",
            $share,
            " * (time.monotonic() - begin)): hashlib.pbkdf2_hmac(\"sha256\", b\"x\", b\"y\", 20000)\n",
            "threads = [threading.Thread(target=burn) for _ in range(16)]\n",
            "[one.start() for one in threads]; [one.join() for one in threads]\n",
        )
    };
}
use burn;

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
