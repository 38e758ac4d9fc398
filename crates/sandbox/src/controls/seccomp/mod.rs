//! Seccomp profiles in the format of OCI runtimes and Docker: read, compiled to the program that the kernel runs, and
//! run again by us on a recorded call, to tell whether it was this profile that refused it.

mod compile;
mod profile;
mod program;
mod tables;

pub use profile::{Problem, Profile};
pub use program::{Action, Call, Filter, Instruction};

/// What a profile's conditions are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// Capabilities that the process may have (its bounding set), one bit each.
    pub capabilities: u64,
    /// The kernel's version: major, minor.
    pub kernel: (u32, u32),
}

impl Conditions {
    /// The running kernel's.
    pub fn here(capabilities: u64) -> Conditions {
        let release = rustix::system::uname().release().to_string_lossy().into_owned();
        let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
        Conditions { capabilities, kernel: (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) }
    }
}

/// The program of a profile, for a process under `conditions`.
///
/// # Errors
/// Everything in the profile that can't be enforced here.
pub fn compile(json: &serde_json::Value, conditions: &Conditions) -> Result<Filter, Vec<Problem>> {
    let profile = Profile::parse(json)?;
    compile::compile(&profile, conditions).map_err(|problem| vec![problem])
}

#[cfg(test)]
mod tests;
