//! Names made for one run, so that nothing inside tells which host this is, and no two runs look alike.

use crate::rng::Rng;
use serde::{Deserialize, Serialize};

/// The names of one environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Host name.
    pub hostname: String,
    /// Name of the ordinary user.
    pub user: String,
    /// User and group id of the ordinary user.
    pub uid: u32,
    /// `/etc/machine-id`.
    pub machine_id: String,
    /// How long before the host's own boot the environment seems to have booted, in seconds.
    pub boot_offset: u64,
}

const PLACES: [&str; 12] =
    ["web", "app", "db", "build", "api", "mail", "proxy", "edge", "batch", "data", "stage", "ops"];
const USERS: [&str; 16] = [
    "anna", "bruno", "carla", "david", "elena", "felix", "greta", "henry", "irene", "jonas", "karin",
    "lukas", "maria", "nils", "olga", "peter",
];

impl Identity {
    /// The same seed gives the same names.
    pub fn from_seed(seed: u64) -> Identity {
        let mut rng = Rng::new(seed, "identity");
        Identity {
            hostname: format!("{}-{}", rng.pick(&PLACES), rng.text(6, b"0123456789abcdef")),
            user: (*rng.pick(&USERS)).to_owned(),
            uid: 1000,
            machine_id: rng.text(32, b"0123456789abcdef"),
            boot_offset: 86_400 + rng.below(60 * 86_400),
        }
    }

    /// Home of the ordinary user.
    pub fn home(&self) -> String {
        format!("/home/{}", self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_names_again_and_another_seed_others() {
        assert_eq!(Identity::from_seed(7), Identity::from_seed(7));
        assert_ne!(Identity::from_seed(7).machine_id, Identity::from_seed(8).machine_id);
    }
}
