//! The exit codes of `detektr`, and which one a result has. Documented for users in `docs/cli.md`; stable.

/// The run completed and its evidence is whole; the bundle is valid; the question was answered well.
pub const OK: u8 = 0;
/// A check was made and failed: `verify` found a problem.
pub const FAILS: u8 = 1;
/// Wrong usage or bad input, found before anything ran.
pub const USAGE: u8 = 2;
/// The run was cut short (timeout, crash, kill), or its evidence has a hole.
pub const INCOMPLETE: u8 = 3;
/// The environment or Detektr itself failed.
pub const FAILED: u8 = 4;

/// The code of a detonation that ended in `state`, with whole evidence or not. Where several apply, 4 wins
/// over 3.
pub fn of_detonation(state: &str, complete: bool) -> u8 {
    match (state, complete) {
        ("environment_failed" | "sensor_lost", _) => FAILED,
        ("completed", true) => OK,
        _ => INCOMPLETE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_completed_run_with_whole_evidence_is_zero() {
        assert_eq!(of_detonation("completed", true), OK);
        for state in ["timeout", "crashed", "killed"] {
            assert_eq!(of_detonation(state, true), INCOMPLETE, "{state}");
            assert_eq!(of_detonation(state, false), INCOMPLETE, "{state}");
        }
        assert_eq!(of_detonation("completed", false), INCOMPLETE);
    }

    #[test]
    fn a_failed_environment_wins_over_incomplete_evidence() {
        assert_eq!(of_detonation("environment_failed", false), FAILED);
        assert_eq!(of_detonation("sensor_lost", false), FAILED);
    }
}
