//! What can be known and chosen before anything runs: a bad request ends here.

use crate::artifact::{self, ArtifactKind, ArtifactSpec};
use crate::error::DetonateError;
use crate::images::{self, UnpackedImage};
use crate::network;
use crate::request::{DetonateRequest, NetworkChoice, RootfsChoice};
use detektr_evidence::{SigningKey, keys};
use detektr_netsim::AuthorityError;
use detektr_sandbox::controls::{self, Control, Hardening, Measure};
use detektr_sandbox::{BaitKind, Identity, Plan, Rootfs, RunAs, default_set};
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

/// What was found out about the artifact before anything runs.
pub struct Prepared {
    /// What it is.
    pub kind: ArtifactKind,
    /// Its file name, or the command's.
    pub name: OsString,
    /// The image, where there is one.
    pub image: Option<UnpackedImage>,
    /// The root file system's tree on this host.
    pub root: PathBuf,
    /// The same as the environment takes it.
    pub rootfs: Rootfs,
    /// The controls, with the addresses that names have in this run.
    pub controls: Vec<Control>,
    /// What the controls come to.
    pub hardening: Hardening,
    /// Signs the bundle.
    pub key: SigningKey,
    /// Where the bundle goes.
    pub runs: PathBuf,
    /// What the artifact reads.
    pub stdin: File,
}

/// Finds out all that can be known before anything runs.
pub fn prepare(request: &DetonateRequest) -> Result<Prepared, DetonateError> {
    let folder = |path: &Path, source| DetonateError::Home { path: path.to_owned(), source };
    let work = request.home.join("work");
    std::fs::create_dir_all(&work).map_err(|source| folder(&work, source))?;
    detektr_sandbox::sweep(&work);
    let (kind, name) = match &request.artifact {
        ArtifactSpec::Command => {
            let name = request.args.first().cloned().ok_or(artifact::ArtifactError::NoCommand)?;
            let name = Path::new(&name).file_name().map_or(name.clone(), OsString::from);
            (ArtifactKind::Command, name)
        }
        ArtifactSpec::Path(path) => {
            let kind = artifact::inspect(path)?;
            let own = path.file_name().map_or("artifact".into(), OsString::from);
            (kind, request.place_as.clone().unwrap_or(own))
        }
    };
    let image = match &request.rootfs {
        RootfsChoice::Image(tar) => Some(images::unpacked(tar, &request.home.join("images"))?),
        RootfsChoice::Dir(dir) => {
            std::fs::read_dir(dir).map_err(|source| DetonateError::Rootfs { path: dir.clone(), source })?;
            None
        }
        RootfsChoice::Host => None,
    };
    let root = match (&request.rootfs, &image) {
        (_, Some(image)) => image.root.clone(),
        (RootfsChoice::Dir(dir), None) => dir.clone(),
        _ => PathBuf::from("/"),
    };
    let shown = match &request.artifact {
        ArtifactSpec::Path(path) => path.as_path(),
        ArtifactSpec::Command => Path::new(""),
    };
    artifact::check_interpreter(&kind, shown, &request.args, &root)?;
    let rootfs = match (&request.rootfs, &image) {
        (RootfsChoice::Host, None) => Rootfs::Host,
        _ => Rootfs::Dir(root.clone()),
    };
    let controls = resolved(request);
    let hardening = controls::check(&controls, &rootfs, &request.limits).map_err(DetonateError::Refused)?;
    let stdin = request.stdin.as_deref().unwrap_or(Path::new("/dev/null"));
    let stdin =
        File::open(stdin).map_err(|source| DetonateError::Stdin { path: stdin.to_owned(), source })?;
    let key = match &request.key {
        Some(path) => keys::load(path)?,
        None => keys::load_or_create(&request.home)?,
    };
    let runs = request.out.clone().unwrap_or_else(|| request.home.join("runs"));
    Ok(Prepared { kind, name, image, root, rootfs, controls, hardening, key, runs, stdin })
}

/// The controls, with the addresses that the run's name servers give names.
fn resolved(request: &DetonateRequest) -> Vec<Control> {
    let addresses_of = |name: &str| match &request.network {
        NetworkChoice::None => Vec::new(),
        NetworkChoice::Sim { mode, site } => detektr_netsim::addresses_of(name, site, *mode),
    };
    let mut controls = request.controls.clone();
    for measure in controls.iter_mut().flat_map(|control| &mut control.measures) {
        if let Measure::Egress(egress) = measure {
            egress.resolve(&addresses_of);
        }
    }
    controls
}

/// The plan of the environment: every choice of the run is made here.
pub fn plan(
    request: &DetonateRequest,
    prepared: &Prepared,
    run: &str,
    seed: u64,
) -> Result<(Plan, Option<network::Prepared>), AuthorityError> {
    let mut identity = Identity::from_seed(seed);
    if let Some(hostname) = &request.hostname {
        identity.hostname.clone_from(hostname);
    }
    let mut baits = if request.baits { default_set(seed, &identity) } else { Vec::new() };
    if matches!(request.network, NetworkChoice::None) {
        // nobody is there to give these away
        baits.retain(|bait| !matches!(bait.kind, BaitKind::Answer { .. }));
    }
    let internet = network::Prepared::new(&request.network, seed, &baits)?;
    let mut setenv = internet.as_ref().map(network::Prepared::variables).unwrap_or_default();
    setenv.extend(request.setenv.iter().cloned());
    let plan = Plan {
        run: run.into(),
        work: request.home.join("work"),
        rootfs: prepared.rootfs.clone(),
        user: prepared.hardening.run_as(request.user),
        limits: prepared.hardening.bounds(request.limits),
        identity,
        baits,
        setenv,
        controls: prepared.controls.clone(),
        network: internet.as_ref().map(network::Prepared::addresses),
        hide: vec![request.home.clone()],
        placed: placed(request),
    };
    Ok((plan, internet))
}

/// Bytes of the artifact and of the files that go along; one that can't be asked is told of when it is placed.
fn placed(request: &DetonateRequest) -> u64 {
    let artifact = match &request.artifact {
        ArtifactSpec::Path(path) => Some(path),
        _ => None,
    };
    let files = artifact.into_iter().chain(request.files.iter().map(|(_, file)| file));
    files.filter_map(|file| std::fs::metadata(file).ok()).map(|data| data.len()).sum()
}

/// The home of whoever runs.
pub fn home(plan: &Plan) -> String {
    match plan.user {
        RunAs::Root => "/root".into(),
        RunAs::User => plan.identity.home(),
    }
}
