//! From how the environment ended to the one state of the detonation.

use crate::detonation::EndedResult;
use crate::request::SetupStep;
use detektr_evidence::{Exit, Manifest, State};
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
    let why = match (setup.is_empty(), ended.prepared) {
        (true, _) | (false, Some((None, _))) => return,
        (false, Some((Some(at), _))) => match setup.get(at) {
            Some(step) => format!("what the artifact needs is not there: {}", step.what),
            None => "the controls could not be put on after what comes before the artifact".to_owned(),
        },
        (false, None) => "what the artifact needs was not brought about before the run ended".to_owned(),
    };
    // the exit code is the launcher's own
    manifest.exit = None;
    if manifest.state == State::Completed {
        manifest.state = State::EnvironmentFailed;
    }
    manifest.mark_incomplete("not_prepared", why);
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
    manifest.exit = ended.exit.map(|exit| match exit {
        ExitStatus::Code(code) => Exit::Code { code },
        ExitStatus::Signal(signal) => {
            Exit::Signal { signal: detektr_sensor::decode::signal_name(i64::from(signal)) }
        }
    });
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
