//! `detektr detonate`: the command line made a request, the run watched, its result told.

use crate::cli::Context;
use crate::commands::trigger::TriggerArgs;
use crate::exit;
use crate::failure::{Failure, shown};
use crate::limits::LimitOption;
use crate::progress::Live;
use crate::recording::{Recording, sealed, told, with_sources};
use crate::signals::end_on_signals;
use crate::store::Store;
use crate::terminal::in_json;
use crate::tree::{Bounds, Tree, render};
use crate::{commands, units};
use detektr_detect::Behaviours;
use detektr_detonate::{
    ArtifactSpec, DetonateError, DetonateRequest, Detonator, Limits, NetworkChoice, NetworkMode, Outcome,
    RootfsChoice, RunAs, SensorChoice, UnpackError, site::Site,
};
use detektr_evidence::EvidenceError;
use detektr_sandbox::profile::{Profile, ProfileNetwork, ProfileRootfs, ProfileSensor};
use serde_json::json;
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Run an artifact in a private environment and seal what was seen
///
/// ARTIFACT is a program or script on this machine; a copy of it is run. For a command of the environment's own,
/// leave ARTIFACT out: detektr detonate -- sh -c 'echo hi'. Arguments follow `--`.
///
/// The exit code is 0 where the run completed and its evidence is whole, 3 where it was cut short (timeout,
/// crash, kill) or its evidence has a hole, 4 where the environment or the sensor failed, and 2 where the request
/// was wrong and nothing ran. The artifact's own exit code is in the result.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file to run
    #[arg(required_unless_present = "args")]
    artifact: Option<PathBuf>,
    /// Arguments of ARTIFACT; without ARTIFACT, a command and its arguments
    #[arg(last = true, value_name = "ARG")]
    args: Vec<OsString>,
    /// Take the environment from a profile (YAML); options given here go before it
    #[arg(long, value_name = "PROFILE.yaml")]
    env: Option<PathBuf>,
    /// Root file system: a folder, or an image as .tar (OCI layout or docker save) [default: the host's own]
    #[arg(long, value_name = "DIR|IMAGE.tar")]
    rootfs: Option<PathBuf>,
    /// Run as an ordinary user, or as root of the environment [default: user]
    #[arg(long, value_enum)]
    user: Option<User>,
    /// Network of the environment; no packet ever leaves it [default: sim]
    #[arg(long, value_enum)]
    net: Option<Net>,
    /// What the simulated internet answers to certain names, hosts and paths (YAML)
    #[arg(long, value_name = "SITE.yaml")]
    site: Option<PathBuf>,
    /// How the environment is isolated
    #[arg(long, value_enum, default_value = "namespaces")]
    isolation: Isolation,
    /// Who watches; auto takes the best that this host allows [default: auto]
    #[arg(long, value_enum)]
    sensor: Option<Sensor>,
    /// Watch these calls as well
    #[arg(long, value_enum)]
    observe: Vec<Observe>,
    #[command(flatten)]
    trigger: TriggerArgs,
    /// End the run after this time: 30s, 2m, 1m30s [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    timeout: Option<Duration>,
    /// Limit a resource: cpus=2, memory=1GiB, processes=1024, disk=1GiB, file-size=1GiB, output=10MiB
    #[arg(long, value_name = "NAME=VALUE")]
    limit: Vec<LimitOption>,
    /// Set an environment variable for the artifact; nothing is inherited
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    setenv: Vec<(String, String)>,
    /// Host name inside [default: random]
    #[arg(long, value_name = "NAME", value_parser = host_name)]
    hostname: Option<String>,
    /// Place no baits
    #[arg(long)]
    no_baits: bool,
    /// What the artifact reads from standard input [default: nothing]
    #[arg(long, value_name = "FILE")]
    stdin: Option<PathBuf>,
    /// Sign with this private key (PEM) instead of your own
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Folder that the bundle's folder is made in [default: runs/ of the data folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Size of the sensor's ring, a power of two
    #[arg(long, value_name = "SIZE", value_parser = ring, hide = true)]
    ring: Option<u32>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum User {
    User,
    Root,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Net {
    /// A network of its own with nothing in it
    None,
    /// A simulated internet: every name resolves, every host and port answers
    Sim,
    /// The same, but web servers have no page except those of the site file
    #[value(name = "sim-404")]
    Sim404,
    /// The same, but no name exists except those of the site file
    SimNx,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Isolation {
    /// Linux namespaces
    Namespaces,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Sensor {
    /// The best that this host allows
    Auto,
    /// BPF programs (needs root, or CAP_BPF and CAP_PERFMON)
    Ebpf,
    /// A tracer (anyone; the artifact can notice it)
    Ptrace,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Observe {
    /// stat, readlink and access
    Stat,
}

/// Runs the command.
pub fn run(args: Args, context: &mut Context) -> Result<u8, Failure> {
    let store = context.store()?;
    let cancel = Arc::new(AtomicBool::new(false));
    let request = request(args, &store, cancel.clone())?;
    store.prepare()?;
    end_on_signals(&cancel)?;
    if let ArtifactSpec::Path(path) = &request.artifact
        && !executable(path)
    {
        crate::complain(&format!("note: {} is not marked executable; the copy that is run is", shown(path)));
    }
    let live = Live::new(context.json);
    // What the run did is told at its end; where this can't be made ready meanwhile, it is then.
    let _ = std::thread::Builder::new().name("behaviours".into()).spawn(Behaviours::shipped);
    let result = Detonator::new().detonate(&request, &mut |now| {
        live.tell(now.phase, now.elapsed, now.events, now.processes);
    });
    live.clear();
    let outcome = result.map_err(|e| refused(&request, &e))?;
    if context.json {
        document(&outcome, context)?;
    } else {
        tell(&outcome, context)?;
    }
    Ok(exit::of_detonation(outcome.state.name(), outcome.complete))
}

fn request(args: Args, store: &Store, cancel: Arc<AtomicBool>) -> Result<DetonateRequest, Failure> {
    // it has one value yet; naming it in a script today keeps its meaning tomorrow
    let Isolation::Namespaces = args.isolation;
    let profile = args.env.as_deref().map_or(Ok(Profile::default()), read_profile)?;
    let network = network(args.net, args.site.as_deref(), &profile)?;
    let rootfs = match (args.rootfs, profile.rootfs) {
        (Some(path), _) => rootfs(path)?,
        (None, None | Some(ProfileRootfs::Host)) => RootfsChoice::Host,
        (None, Some(ProfileRootfs::Dir(path) | ProfileRootfs::Image(path))) => rootfs(path)?,
    };
    let user = match args.user {
        Some(User::User) => RunAs::User,
        Some(User::Root) => RunAs::Root,
        None => profile.user.unwrap_or(RunAs::User),
    };
    let sensor = match (args.sensor, profile.sensor) {
        (Some(Sensor::Ebpf), _) | (None, Some(ProfileSensor::Ebpf)) => SensorChoice::Ebpf,
        (Some(Sensor::Ptrace), _) | (None, Some(ProfileSensor::Ptrace)) => SensorChoice::Ptrace,
        (Some(Sensor::Auto), _) | (None, None | Some(ProfileSensor::Auto)) => SensorChoice::Auto,
    };
    let triggers = args.trigger.phases(profile.trigger.as_deref())?;
    let mut limits = profile.limits.over(Limits::default());
    limits.wall = args.timeout.unwrap_or(limits.wall);
    args.limit.into_iter().for_each(|limit| limit.apply(&mut limits));
    Ok(DetonateRequest {
        artifact: args.artifact.map_or(ArtifactSpec::Command, ArtifactSpec::Path),
        args: args.args,
        home: store.home().to_owned(),
        rootfs,
        user,
        limits,
        setenv: profile.setenv.into_iter().chain(args.setenv).collect(),
        hostname: args.hostname.or(profile.hostname),
        network,
        baits: !args.no_baits && profile.baits.unwrap_or(true),
        io_uring: profile.io_uring.unwrap_or_default(),
        observe_stat: !args.observe.is_empty() || profile.observe_stat.unwrap_or(false),
        stdin: args.stdin,
        sensor,
        key: args.key,
        out: args.out,
        ring_bytes: args.ring,
        controls: Vec::new(),
        seed: None,
        place_as: None,
        triggers,
        setup: Vec::new(),
        files: Vec::new(),
        cancel,
    })
}

/// The network: of the command line, else of the profile, else the simulated internet.
pub fn network(net: Option<Net>, site: Option<&Path>, profile: &Profile) -> Result<NetworkChoice, Failure> {
    let mode = match (net, profile.network) {
        (Some(Net::None), _) | (None, Some(ProfileNetwork::None)) => None,
        (Some(Net::Sim), _) | (None, None | Some(ProfileNetwork::Sim)) => Some(NetworkMode::Sim),
        (Some(Net::Sim404), _) | (None, Some(ProfileNetwork::Sim404)) => Some(NetworkMode::Sim404),
        (Some(Net::SimNx), _) | (None, Some(ProfileNetwork::SimNx)) => Some(NetworkMode::SimNx),
    };
    let Some(mode) = mode else {
        return match site {
            None => Ok(NetworkChoice::None),
            Some(_) => {
                Err(Failure::usage("detektr::site", "--site without a simulated internet answers nobody")
                    .help("leave --site out, or take --net sim"))
            }
        };
    };
    let site = match site.or(profile.site.as_deref()) {
        Some(file) => Site::read(file).map_err(|e| Failure::foreign(exit::USAGE, miette::Report::new(e)))?,
        None => Site::default(),
    };
    Ok(NetworkChoice::Sim { mode, site: Arc::new(site) })
}

fn read_profile(file: &Path) -> Result<Profile, Failure> {
    Profile::read(file).map_err(|e| Failure::foreign(exit::USAGE, miette::Report::new(e)))
}

fn rootfs(path: PathBuf) -> Result<RootfsChoice, Failure> {
    let refused = |message: String| {
        Failure::usage("detektr::rootfs", message).help(
            "give a folder that holds a root file system, or an image as .tar (OCI layout or docker save)",
        )
    };
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => Ok(RootfsChoice::Dir(path)),
        Ok(metadata) if metadata.is_file() => Ok(RootfsChoice::Image(path)),
        Ok(_) => {
            Err(refused(format!("the root file system {} is neither a folder nor a file", shown(&path))))
        }
        Err(e) => Err(refused(format!("can't read the root file system {}", shown(&path))).because(e)),
    }
}

fn executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|m| m.is_dir() || m.permissions().mode() & 0o111 != 0) || !path.exists()
}

/// Why nothing was run, or no bundle came of it.
fn refused(request: &DetonateRequest, error: &DetonateError) -> Failure {
    let text = with_sources(error);
    let (code, remedy) = match error {
        DetonateError::Artifact(e) => ("detektr::artifact", artifact_remedy(request, e.remedy())),
        DetonateError::Image(UnpackError::File { .. }) => (
            "detektr::rootfs",
            "give an image that you may read, and a data folder with room for it".to_owned(),
        ),
        DetonateError::Image(UnpackError::Image(_)) => {
            ("detektr::rootfs::image", "give an image as .tar: OCI layout, or docker save".to_owned())
        }
        DetonateError::Rootfs { .. } => (
            "detektr::rootfs",
            "give a folder that holds a root file system and that you may read".to_owned(),
        ),
        DetonateError::Stdin { .. } => ("detektr::stdin", "give a file that you may read".to_owned()),
        DetonateError::Home { .. } => {
            ("detektr::home", "set DETEKTR_HOME to a folder that you may write to".to_owned())
        }
        DetonateError::Evidence(EvidenceError::Key { .. }) => (
            "detektr::key",
            "an Ed25519 private key as PKCS#8 PEM is needed: openssl genpkey -algorithm ed25519".to_owned(),
        ),
        DetonateError::Evidence(_) => {
            ("detektr::bundle", "make room in the data folder, or set DETEKTR_HOME to another one".to_owned())
        }
        _ => ("detektr::failed", "`detektr doctor` tells what this host can't do".to_owned()),
    };
    let key_unreadable = matches!((error, &request.key), (DetonateError::Evidence(EvidenceError::Io { path, .. }), Some(key)) if path == key);
    if error.is_usage() || key_unreadable {
        Failure::usage(code, text).help(remedy)
    } else {
        Failure::failed(code, text).help(remedy)
    }
}

/// A name without a slash that is no file was probably meant as a command.
fn artifact_remedy(request: &DetonateRequest, remedy: &str) -> String {
    match &request.artifact {
        ArtifactSpec::Path(path) if path.components().count() == 1 && !path.exists() => {
            format!("{remedy}; to run the command `{0}` write: detektr detonate -- {0}", shown(path))
        }
        _ => remedy.to_owned(),
    }
}

fn document(outcome: &Outcome, context: &mut Context) -> Result<(), Failure> {
    let bundle = sealed(&outcome.bundle)?;
    let persistence = bundle.persistence().map_err(|e| told(&outcome.bundle, &e))?;
    let behaviours = commands::behaviours::of(&bundle)?;
    context.out.document(&json!({
        "run": outcome.run,
        "bundle": in_json(&outcome.bundle),
        "state": outcome.state.name(),
        "exit": outcome.exit,
        "limit_reached": bundle.manifest().limit_reached(),
        "complete": outcome.complete,
        "incomplete": outcome.incomplete,
        "events": outcome.events,
        "behaviours": behaviours.findings,
        "persistence": persistence.map(|persistence| persistence.entries).unwrap_or_default(),
    }))?;
    Ok(())
}

fn tell(outcome: &Outcome, context: &mut Context) -> Result<(), Failure> {
    let bundle = sealed(&outcome.bundle)?;
    let manifest = bundle.manifest().clone();
    let persistence = bundle.persistence().map_err(|e| told(&outcome.bundle, &e))?;
    let behaviours = commands::behaviours::of(&bundle)?;
    let recording = Recording::Sealed(Box::new(bundle));
    let mut tree = Tree::default();
    recording.each(|event| {
        tree.add(&event);
        Ok(true)
    })?;
    let style = context.out.style;
    render(&tree, Bounds::SHORT, style, &mut context.out)?;
    if tree.count() > 0 {
        writeln!(context.out)?;
    }
    commands::show::summary(&manifest, &mut context.out)?;
    let out = &mut context.out;
    for (name, span) in [("stdout", manifest.output.stdout), ("stderr", manifest.output.stderr)] {
        if span.seen > 0 {
            let kept = if span.kept < span.seen {
                format!(", {} kept", units::show_size(span.kept))
            } else {
                String::new()
            };
            writeln!(out, "{name}    {}{kept}", units::show_size(span.seen))?;
        }
    }
    writeln!(out, "bundle    {}", shown(&outcome.bundle))?;
    commands::behaviours::lines(&behaviours, out)?;
    if let Some(persistence) = &persistence {
        commands::persistence::tell(persistence, out)?;
    }
    Ok(())
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("write NAME=VALUE".into()),
    }
}

fn host_name(text: &str) -> Result<String, String> {
    let good = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'.';
    let ends = |c: Option<&u8>| c.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    if bytes.len() <= 64 && bytes.iter().all(|c| good(*c)) && ends(bytes.first()) && ends(bytes.last()) {
        Ok(text.into())
    } else {
        Err("a host name is 1 to 64 letters, digits, hyphens and dots, with a letter or digit at both ends"
            .into())
    }
}

fn ring(text: &str) -> Result<u32, String> {
    let bytes = u32::try_from(units::size(text)?).map_err(|_| "at most 2GiB".to_owned())?;
    if bytes.is_power_of_two() && bytes >= 4096 {
        Ok(bytes)
    } else {
        Err("a power of two from 4KiB to 2GiB".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_host_names_are_checked() {
        assert_eq!(variable("A=b=c"), Ok(("A".into(), "b=c".into())));
        assert_eq!(variable("A="), Ok(("A".into(), String::new())));
        assert!(variable("A").is_err() && variable("=b").is_err());
        assert!(host_name("web-01.example").is_ok());
        for wrong in ["", "-a", "a-", "a b", "a\n", &"a".repeat(65)] {
            assert!(host_name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_ring_is_a_power_of_two() {
        assert_eq!(ring("64KiB"), Ok(65_536));
        for wrong in ["0", "100KiB", "1KiB", "4GiB", "x"] {
            assert!(ring(wrong).is_err(), "{wrong}");
        }
    }
}
