//! Prints the table of `docs/performance.md`: each row one measure, its ratios from alternating runs against a
//! peer on this machine. Needs root, gcc, bwrap, runsc, strace, nginx, curl, ip, chromium and rsigma (`make bench` installs them), and
//! a folder of Sigma rules for the row that is about them. Names of rows as arguments measure these alone.

mod behaviours;
mod blind;
mod internet;
mod report;
mod rows;
mod sample;
mod sigma;
mod validate;

use detektr_detonate::{ArtifactSpec, DetonateRequest, Detonator, Limits, SensorChoice};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if detektr_sandbox::is_init(&arguments) {
        detektr_sandbox::init_main();
    }
    if let [_, word, count, home] = &arguments[..]
        && word == "million"
    {
        return rows::million_child(count, Path::new(home));
    }
    if let [_, word, what, bundle] = &arguments[..]
        && word == "derive"
    {
        return behaviours::derive_child(what, Path::new(bundle));
    }
    if let [_, word, home] = &arguments[..]
        && word == "gibibytes"
    {
        return internet::memory_child(home);
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("detektr-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// An error for people.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What every row works with.
struct Bench {
    /// A data folder of this bench's own.
    home: tempfile::TempDir,
    /// The `detektr` program beside this one.
    detektr: PathBuf,
    /// Compiled workloads.
    forkfile: PathBuf,
    opens: PathBuf,
}

fn run() -> Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|wanted| ROWS.iter().all(|(name, _)| name != wanted)) {
        let names: Vec<&str> = ROWS.iter().map(|(name, _)| *name).collect();
        return Err(format!("there is no row {unknown}; the rows are {}", names.join(", ")).into());
    }
    let home = tempfile::tempdir()?;
    let detektr = std::env::current_exe()?.with_file_name("detektr");
    if !detektr.exists() {
        return Err(format!("{} is missing: build it with --release first", detektr.display()).into());
    }
    let forkfile = compile("forkfile", home.path())?;
    let opens = compile("opens", home.path())?;
    let bench = Bench { home, detektr, forkfile, opens };
    println!("| measure | median | peer | median | ratio | runs |");
    println!("|---|---|---|---|---|---|");
    for (name, row) in ROWS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            row(&bench)?;
        }
    }
    Ok(())
}

/// One row of the table.
type Row = fn(&Bench) -> Result<()>;

/// Every row by its name on the command line.
const ROWS: [(&str, Row); 11] = [
    ("cold", rows::cold),
    ("warm", rows::warm),
    ("ebpf", rows::ebpf_overhead),
    ("ptrace", rows::ptrace_overhead),
    ("loss", rows::loss),
    ("memory", rows::memory),
    ("sigma", sigma::throughput),
    ("behaviours", behaviours::derive),
    ("internet", internet::throughput),
    ("report", report::page),
    ("validate", validate::whole),
];

/// The most memory that this process has held, in MiB.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    peak.unwrap_or(f64::NAN) / 1024.0
}

fn compile(name: &str, into: &Path) -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads").join(format!("{name}.c"));
    let program = into.join(name);
    let status = Command::new("cc").args(["-O1", "-o"]).arg(&program).arg(&source).status()?;
    if status.success() { Ok(program) } else { Err(format!("cc failed on {}", source.display()).into()) }
}

impl Bench {
    fn request(&self, artifact: ArtifactSpec, args: &[&str], sensor: SensorChoice) -> DetonateRequest {
        request(self.home.path(), artifact, args, sensor)
    }

    /// Runs `program` with `args` through `detonator`, and returns the outcome.
    fn detonate(
        &self,
        detonator: &Detonator,
        program: &Path,
        args: &[&str],
        sensor: SensorChoice,
    ) -> Result<detektr_detonate::Outcome> {
        let request = self.request(ArtifactSpec::Path(program.into()), args, sensor);
        Ok(detonator.detonate(&request, &mut |_| {})?)
    }
}

fn request(home: &Path, artifact: ArtifactSpec, args: &[&str], sensor: SensorChoice) -> DetonateRequest {
    DetonateRequest {
        limits: Limits { wall: Duration::from_secs(300), ..Limits::default() },
        sensor,
        triggers: Default::default(),
        ..DetonateRequest::new(artifact, args.iter().map(OsString::from).collect(), home.join("data"))
    }
}
