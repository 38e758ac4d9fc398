//! From how the environment ended to the one state of the detonation.

use crate::detonation::EndedResult;
use crate::monitors;
use crate::request::SetupStep;
use detektr_evidence::{Manifest, State};
use detektr_sandbox::{EndState, ExitStatus};

/// Signals by which a process ends through its own doing (signal(7), default action *Core*).
const OWN: [i32; 8] = [
    libc::SIGABRT,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGSEGV,
    libc::SIGSYS,
    libc::SIGTRAP,
    libc::SIGPIPE,
];

/// Writes that Detektr's own wall against AF_VSOCK killed the artifact: its end is no doing of its own.
pub fn killed_by_wall(manifest: &mut Manifest) {
    manifest.environment["wall_reached"] = "AF_VSOCK".into();
    if matches!(manifest.state, State::Completed | State::Crashed) {
        manifest.state = State::Killed;
    }
}

/// Writes what of `setup` was not done: then the artifact was not run, and nothing can be said of it.
pub fn prepared(manifest: &mut Manifest, ended: &EndedResult, setup: &[SetupStep]) {
    let Ok(ended) = ended else { return };
    // that is told of them
    if ended.unwatched.is_some() {
        return;
    }
    let (reason, why) = match (setup.is_empty(), ended.prepared) {
        (true, _) | (false, Some((None, _))) => return,
        (false, Some((Some(at), _))) => match setup.get(at) {
            Some(step) => ("not_prepared", format!("what the artifact needs is not there: {}", step.what)),
            None => {
                let why = "the controls could not be put on after what comes before the artifact";
                ("environment_failed", why.to_owned())
            }
        },
        (false, None) => {
            let why = "what the artifact needs was not brought about before the run ended";
            ("not_prepared", why.to_owned())
        }
    };
    // the exit code is the launcher's own
    manifest.exit = None;
    match manifest.state {
        // that is why, and it is told
        State::SensorLost | State::EnvironmentFailed => return,
        State::Completed => manifest.state = State::EnvironmentFailed,
        _ => {}
    }
    manifest.mark_incomplete(reason, why);
}

/// Writes state and exit into the manifest.
pub fn tell(manifest: &mut Manifest, ended: &EndedResult) {
    let ended = match ended {
        Ok(ended) => ended,
        Err(error) => {
            manifest.state = State::EnvironmentFailed;
            manifest.mark_incomplete("environment_failed", error.to_string());
            return;
        }
    };
    manifest.exit = ended.exit.map(monitors::exit);
    if let Some((errno, message)) = &ended.exec_error {
        manifest
            .mark_incomplete("not_executed", format!("the artifact was not executed: {message} ({errno})"));
    }
    manifest.state = match &ended.state {
        EndState::Completed => match ended.exit {
            Some(ExitStatus::Signal(signal)) if OWN.contains(&signal) => State::Crashed,
            _ => State::Completed,
        },
        EndState::Timeout => State::Timeout,
        EndState::LimitKilled(limit) => {
            manifest.environment["limit_reached"] = format!("{limit:?}").to_lowercase().into();
            State::Killed
        }
        EndState::Stopped(reason) if reason.starts_with("sensor_lost") => {
            manifest.mark_incomplete("sensor_lost", reason.clone());
            State::SensorLost
        }
        EndState::Stopped(_) => State::Killed,
        EndState::InitLost => {
            manifest.mark_incomplete("environment_failed", "the environment's init was lost");
            State::EnvironmentFailed
        }
    };
}

#[cfg(test)]
mod tests {
    use super::{prepared, tell};
    use crate::request::SetupStep;
    use detektr_event::Text;
    use detektr_evidence::{Artifact, Manifest, State};
    use detektr_sandbox::{EndState, Ended, ExitStatus};
    use std::time::SystemTime;

    /// What is told of a run of one step, which ended so: the state and the reasons.
    fn told(state: EndState, done: Option<Option<usize>>) -> (State, Vec<String>) {
        let (name, kind) = (Text::from(&b"a"[..]), "script".into());
        let artifact = Artifact { name, sha256: None, kind, path: None, argv: Vec::new() };
        let mut manifest = Manifest::new("r", "0", artifact);
        let ended = Ok(Ended {
            state,
            exit: Some(ExitStatus::Code(125)),
            last_pid: None,
            exec_error: None,
            prepared: done.map(|failed| (failed, SystemTime::UNIX_EPOCH)),
            watchers: Vec::new(),
            unwatched: None,
            refused_processes: 0,
            packets_lost: None,
        });
        tell(&mut manifest, &ended);
        prepared(&mut manifest, &ended, &[SetupStep { what: "a tool".into(), command: Vec::new() }]);
        let reasons = manifest.incomplete.into_iter().map(|hole| hole.reason).collect();
        (manifest.state, reasons)
    }

    #[test]
    fn only_what_the_steps_did_not_bring_about_is_not_prepared() {
        let of = |state, reasons: &[&str]| (state, reasons.iter().map(ToString::to_string).collect());
        assert_eq!(told(EndState::Completed, Some(None)), of(State::Completed, &[]));
        assert_eq!(told(EndState::Completed, Some(Some(0))), of(State::EnvironmentFailed, &["not_prepared"]));
        assert_eq!(told(EndState::Timeout, None), of(State::Timeout, &["not_prepared"]));
        // the controls that follow: nothing that could be installed mends it
        let controls = told(EndState::Completed, Some(Some(1)));
        assert_eq!(controls, of(State::EnvironmentFailed, &["environment_failed"]));
        assert_eq!(told(EndState::InitLost, None), of(State::EnvironmentFailed, &["environment_failed"]));
        let lost = told(EndState::Stopped("sensor_lost: x".into()), None);
        assert_eq!(lost, of(State::SensorLost, &["sensor_lost"]));
    }
}
