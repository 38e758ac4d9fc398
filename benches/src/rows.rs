//! The rows, one function each.

use crate::blind::Blind;
use crate::sample::{Pairs, median};
use crate::{Bench, Result, peak_mib, request};
use detektr_detonate::{ArtifactSpec, Detonator, NetworkChoice, Outcome, SensorChoice};
use detektr_evidence::Bundle;
use detektr_sensor::calls::CALLS;
use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

const RUNS: usize = 15;

/// What the tracer stops beside the calls of the schema, for the byte counts of open files: strace must stop it too.
const BOOKS: [&str; 12] = [
    "write",
    "pwrite64",
    "writev",
    "pwritev",
    "pwritev2",
    "sendfile",
    "splice",
    "copy_file_range",
    "close",
    "dup2",
    "dup3",
    "close_range",
];

/// Milliseconds of one whole process, which must succeed.
pub fn process(command: &mut Command) -> Result<f64> {
    let begin = Instant::now();
    let output = command.stdin(Stdio::null()).output()?;
    let took = begin.elapsed().as_secs_f64() * 1000.0;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(took)
}

/// Milliseconds between the artifact's release and the end of its last process.
fn executed(outcome: &Outcome) -> Result<f64> {
    let bundle = Bundle::open(&outcome.bundle)?;
    if bundle.manifest().exit != Some(detektr_evidence::Exit::Code { code: 0 }) {
        return Err(format!("{}: the workload failed: {:?}", outcome.run, bundle.manifest().exit).into());
    }
    let took = bundle.manifest().timing_us.get("execute").copied().unwrap_or_default() as f64 / 1000.0;
    std::fs::remove_dir_all(&outcome.bundle)?;
    Ok(took)
}

/// `detektr detonate /bin/true` as a whole process against `runsc do`.
pub fn cold(bench: &Bench) -> Result<()> {
    let home = bench.home.path().join("cold");
    let pairs = Pairs::measure(
        RUNS,
        || process(Command::new(&bench.detektr).args(["detonate", "/bin/true"]).env("DETEKTR_HOME", &home)),
        || process(Command::new("runsc").args(["--network=none", "--ignore-cgroups", "do", "/bin/true"])),
    )?;
    pairs.print("`detonate /bin/true`, cold, sealed bundle included", "`runsc do`");
    let mut loads = Vec::new();
    for entry in std::fs::read_dir(home.join("runs"))? {
        loads.push(Bundle::open(&entry?.path())?.manifest().sensor.load_us as f64 / 1000.0);
    }
    println!("| of that, loading the sensor | {:.1} ms | | | | {} |", median(&loads), loads.len());
    Ok(())
}

/// One detonation after another in one process, with the empty network that the peer has, and with the simulated internet.
pub fn warm(bench: &Bench) -> Result<()> {
    for network in [NetworkChoice::None, NetworkChoice::sim()] {
        let detonator = Detonator::new();
        let path = ArtifactSpec::Path("/bin/true".into());
        let mut request = bench.request(path, &[], SensorChoice::Ebpf);
        request.network = network.clone();
        let pairs = Pairs::measure(
            RUNS,
            || {
                let begin = Instant::now();
                detonator.detonate(&request, &mut |_| {})?;
                Ok(begin.elapsed().as_secs_f64() * 1000.0)
            },
            || {
                process(Command::new("bwrap").args([
                    "--unshare-all",
                    "--ro-bind",
                    "/",
                    "/",
                    "--proc",
                    "/proc",
                    "/bin/true",
                ]))
            },
        )?;
        let what = format!("each further detonation in one process, network `{}`", network.name());
        pairs.print(&what, "`bwrap --unshare-all`");
    }
    Ok(())
}

/// Fork- and file-heavy, the ebpf sensor against no sensor.
pub fn ebpf_overhead(bench: &Bench) -> Result<()> {
    let seeing = Detonator::new();
    let blind = Detonator::with_sensor(Box::new(Blind));
    let args = ["200", "40"];
    let pairs = Pairs::measure(
        RUNS,
        || executed(&bench.detonate(&seeing, &bench.forkfile, &args, SensorChoice::Ebpf)?),
        || executed(&bench.detonate(&blind, &bench.forkfile, &args, SensorChoice::Ebpf)?),
    )?;
    pairs.print("fork- and file-heavy, ebpf sensor", "same sandbox, no sensor");
    Ok(())
}

/// The same, the ptrace sensor against strace with the same calls, in the same sandbox.
pub fn ptrace_overhead(bench: &Bench) -> Result<()> {
    let tracer = Detonator::new();
    let blind = Detonator::with_sensor(Box::new(Blind));
    let args = ["100", "40"];
    let names: Vec<String> = CALLS
        .iter()
        .filter(|call| {
            !call.optional && syscalls::x86_64::Sysno::iter().any(|number| number.name() == call.name)
        })
        .map(|call| call.name)
        .chain(BOOKS)
        // the question mark: strace may not know the newest ones
        .map(|name| format!("?{name}"))
        .collect();
    let trace = format!("trace={}", names.join(","));
    let inside = std::fs::read(&bench.forkfile)?;
    let folder = tempfile::tempdir()?;
    // strace starts the workload by a path of the environment: a shell script carries it along.
    let script = folder.path().join("traced.sh");
    let encoded: String = inside.iter().map(|byte| format!("\\{byte:03o}")).collect();
    std::fs::write(
        &script,
        format!(
            "#!/bin/sh\nset -e\nprintf '{encoded}' > /tmp/workload\nchmod 755 /tmp/workload\nexec \"$@\" /tmp/workload {}\n",
            args.join(" ")
        ),
    )?;
    let pairs = Pairs::measure(
        RUNS,
        || executed(&bench.detonate(&tracer, &script, &["env"], SensorChoice::Ptrace)?),
        || {
            let words = ["strace", "-f", "--seccomp-bpf", "-e", &trace, "-o", "/tmp/log"];
            executed(&bench.detonate(&blind, &script, &words, SensorChoice::Ptrace)?)
        },
    )?;
    pairs.print("the same, ptrace sensor", "`strace -f --seccomp-bpf`, same calls");
    Ok(())
}

/// Events lost at the rate of the target, and at full speed.
pub fn loss(bench: &Bench) -> Result<()> {
    lost(bench, "300000")?;
    lost(bench, "0")
}

fn lost(bench: &Bench, rate: &str) -> Result<()> {
    let detonator = Detonator::new();
    let words = ["1000000", "2", rate];
    let outcome = bench.detonate(&detonator, &bench.opens, &words, SensorChoice::Ebpf)?;
    let bundle = Bundle::open(&outcome.bundle)?;
    let mut seconds = String::new();
    bundle.stdout()?.read_to_string(&mut seconds)?;
    let ledger = &bundle.manifest().ledger;
    let attempted: u64 = ledger.0.values().map(|counts| counts.attempted).sum();
    let dropped: u64 = ledger.0.values().map(|counts| counts.dropped).sum();
    // the sensor records the beginning and the end of each call
    let rate = attempted as f64 / 2.0 / seconds.trim().parse::<f64>()?;
    let balance = if ledger.unbalanced().next().is_none() { "balances" } else { "DOES NOT BALANCE" };
    println!(
        "| events lost at {rate:.0} events a second | {dropped} of {attempted} records; the ledger {balance} | | | | 1 |"
    );
    Ok(())
}

/// Peak memory of a detonation with a million events, in a process of its own.
pub fn memory(bench: &Bench) -> Result<()> {
    let mut child = Command::new("/proc/self/exe")
        .arg("million")
        .arg("1000000")
        .arg(bench.home.path())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut text = String::new();
    if let Some(stdout) = &mut child.stdout {
        stdout.read_to_string(&mut text)?;
    }
    if !child.wait()?.success() {
        return Err("the detonation of a million events failed".into());
    }
    print!("{text}");
    Ok(())
}

/// The child of [`memory`]: detonates, and prints its own peak.
pub fn million_child(count: &OsStr, home: &Path) -> ExitCode {
    let count = count.to_string_lossy().into_owned();
    let program = home.join("opens");
    let request = request(home, ArtifactSpec::Path(program), &[&count, "2", "50000"], SensorChoice::Auto);
    match Detonator::new().detonate(&request, &mut |_| {}) {
        Ok(outcome) => {
            println!(
                "| peak memory of a detonation with {} events | {:.0} MiB | | | | 1 |",
                outcome.events,
                peak_mib()
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
