//! The network of a detonation: the simulated internet beside it, and whose each of its conversations was.

pub mod conversation;
mod keystore;
mod owners;
mod trust;

use crate::request::NetworkChoice;
use detektr_netsim::{
    Addresses, Authority, AuthorityError, CaptureTo, Credentials, Internet, LinkKind, Settings, Told,
};
use detektr_sandbox::{Bait, Device, DeviceKind, Environment, SandboxError};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

/// What is made for a simulated internet before its environment starts.
pub struct Prepared {
    settings: Settings,
    authority: Arc<Authority>,
}

impl Prepared {
    /// Decides all that is to be decided; `None` where there shall be no network.
    pub fn new(
        choice: &NetworkChoice,
        seed: u64,
        baits: &[Bait],
    ) -> Result<Option<Prepared>, AuthorityError> {
        let NetworkChoice::Sim { mode, site } = choice else { return Ok(None) };
        let settings = Settings {
            mode: *mode,
            site: site.clone(),
            credentials: credentials(baits),
            baits: baits.iter().map(|bait| (bait.name.clone(), bait.value.clone().into_bytes())).collect(),
            addresses: Addresses::from_seed(seed),
            seed,
        };
        Ok(Some(Prepared { settings, authority: Arc::new(Authority::new()?) }))
    }

    /// The addresses as the environment's plan has them.
    pub fn addresses(&self) -> detektr_sandbox::Addresses {
        let Addresses { v4, gateway4, v6, gateway6 } = self.settings.addresses;
        detektr_sandbox::Addresses { v4, gateway4, v6, gateway6 }
    }

    /// Environment variables that make programs trust the run's authority.
    pub fn variables(&self) -> Vec<(String, String)> {
        trust::variables()
    }

    /// Puts name servers and the authority's certificate where programs look for them. `root` is the root file
    /// system's tree on this host.
    pub fn furnish(&self, environment: &mut Environment, root: &Path) -> Result<(), SandboxError> {
        let mut place = |path: &Path, content: &[u8]| environment.place(path, &mut &content[..], 0o644);
        place(Path::new("/etc/resolv.conf"), self.settings.addresses.resolv_conf().as_bytes())?;
        for (path, content) in trust::files(&self.authority, root) {
            place(&path, &content)?;
        }
        Ok(())
    }

    /// Starts the internet on the outer end of the environment's device.
    pub fn start(self, device: Device, capture: CaptureTo) -> io::Result<(Internet, Receiver<Told>)> {
        let kind = match device.kind {
            DeviceKind::Tun => LinkKind::Packets,
            DeviceKind::Veth { peer } => LinkKind::Frames { peer },
        };
        Internet::start(self.settings, self.authority, device.fd, kind, capture)
    }
}

/// The baits that a cloud's metadata service gives away.
fn credentials(baits: &[Bait]) -> Credentials {
    let of = |name: &str| baits.iter().find(|bait| bait.name == name).map(|bait| bait.value.clone());
    Credentials {
        access_key: of("metadata_access_key").unwrap_or_else(|| "ASIAIOSFODNN7EXAMPLE".into()),
        secret_key: of("metadata_secret_key").unwrap_or_default(),
        token: of("metadata_token").unwrap_or_default(),
    }
}
