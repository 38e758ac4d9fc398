//! Calls that change user ids, group ids and capabilities.

use super::call::Call;
use crate::raw::RawCredentials;
use detektr_event::{CredentialsChange, Detail, Outcome, OutcomeResult};

/// An id as a call asks for it; the old 32-bit calls have 16-bit ids. `u32::MAX`: leave it as it is.
pub(super) fn asked_id(id: u32, short: bool) -> u32 {
    match (short, id as u16) {
        (false, _) => id,
        (true, u16::MAX) => u32::MAX,
        (true, id) => u32::from(id),
    }
}

/// The event of a call that changed `old` to `new`.
pub(super) fn decode(call: &Call<'_>, old: RawCredentials, new: RawCredentials) -> Detail {
    let numbers = call.paths.numbers;
    Detail::ProcessCredentials {
        credentials: Box::new(CredentialsChange {
            call: call.name.to_owned(),
            old: numbers.credentials(&old),
            new: numbers.credentials(&new),
            asked: asked(call),
        }),
    }
}

/// The event of an exec that changed credentials.
pub(super) fn by_exec(old: detektr_event::Credentials, new: detektr_event::Credentials) -> Detail {
    Detail::ProcessCredentials {
        credentials: Box::new(CredentialsChange { call: "execve".to_owned(), old, new, asked: Vec::new() }),
    }
}

/// `setfsuid` and `setfsgid` never tell an error: whether they worked is seen from the ids alone.
pub(super) fn quiet_failure(
    call: &Call<'_>,
    outcome: &mut Outcome,
    old: &RawCredentials,
    new: &RawCredentials,
) {
    let ids = match call.name {
        "setfsuid" | "setfsuid32" => (old.uids[3], new.uids[3], call.paths.numbers.uid(new.uids[3])),
        "setfsgid" | "setfsgid32" => (old.gids[3], new.gids[3], call.paths.numbers.gid(new.gids[3])),
        _ => return,
    };
    let asked = asked(call).first().copied().unwrap_or(u32::MAX);
    let (before, after, inside) = ids;
    if outcome.is_success() && asked != u32::MAX && before == after && inside != asked {
        outcome.result = OutcomeResult::Failure;
    }
}

fn asked(call: &Call<'_>) -> Vec<u32> {
    let count = match call.name.trim_end_matches("32") {
        "setuid" | "setgid" | "setfsuid" | "setfsgid" => 1,
        "setreuid" | "setregid" => 2,
        "setresuid" | "setresgid" => 3,
        _ => 0,
    };
    let short = call.ia32() && !call.name.ends_with("32");
    (0..count).map(|position| asked_id(call.uint(position), short)).collect()
}
