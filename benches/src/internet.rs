//! The simulated internet: a gibibyte each way through it, against the same through a veth pair before nginx.

use crate::sample::Pairs;
use crate::{Bench, Result, peak_mib, request};
use detektr_detonate::site::Site;
use detektr_detonate::{ArtifactSpec, DetonateRequest, Detonator, NetworkChoice, NetworkMode, SensorChoice};
use detektr_evidence::Bundle;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;

/// Bytes each way.
const SIZE: u64 = 1 << 30;
const RUNS: usize = 3;

/// How long a way takes is told by the client itself, so that neither environment's making nor sealing counts.
const DOWN: &str = "curl -sS -o /dev/null -w '%{size_download} %{time_total}' http://BASE/down";
const UP: &str =
    "head -c SIZE /dev/zero | curl -sS -o /dev/null -w '%{size_upload} %{time_total}' -T - http://BASE/up";

/// The ways, and what a run through the simulated internet takes of memory.
pub fn throughput(bench: &Bench) -> Result<()> {
    if Command::new("nginx").arg("-v").stderr(Stdio::null()).status().is_err() {
        eprintln!(
            "detektr-bench: there is no nginx to measure against: the rows of the internet are left out"
        );
        return Ok(());
    }
    let peer = Peer::start(bench.home.path())?;
    let detonator = Detonator::new();
    for (what, line) in
        [("HTTP download of 1 GiB through the simulated internet", DOWN), ("HTTP upload of 1 GiB", UP)]
    {
        let pairs = Pairs::measure(
            RUNS,
            || {
                let line = command(line, "peer.example");
                let outcome = detonator.detonate(&through(bench.home.path(), &line)?, &mut |_| {})?;
                let said = std::fs::read_to_string(outcome.bundle.join("stdout"))?;
                std::fs::remove_dir_all(&outcome.bundle)?;
                milliseconds(&said)
            },
            || peer.client(&command(line, "10.98.0.1")),
        )?;
        pairs.print(what, "a veth pair and nginx");
    }
    let mut child = Command::new("/proc/self/exe")
        .arg("gibibytes")
        .arg(bench.home.path())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut text = String::new();
    if let Some(stdout) = &mut child.stdout {
        stdout.read_to_string(&mut text)?;
    }
    if !child.wait()?.success() {
        return Err("the detonation that moves two gibibytes failed".into());
    }
    print!("{text}");
    Ok(())
}

/// The child of [`throughput`]: moves a gibibyte each way in one run, and prints its own peak.
pub fn memory_child(home: &OsStr) -> ExitCode {
    let act = || -> Result<()> {
        let line = format!("{}; {}", command(DOWN, "peer.example"), command(UP, "peer.example"));
        let outcome = Detonator::new().detonate(&through(Path::new(home), &line)?, &mut |_| {})?;
        let bundle = Bundle::open(&outcome.bundle)?;
        let manifest = bundle.manifest();
        if let Some(hole) = manifest.incomplete.first() {
            return Err(format!("the run is incomplete: {}", hole.detail).into());
        }
        let capture = manifest.witnesses.packets.as_ref().map(|packets| packets.capture).unwrap_or_default();
        println!(
            "| peak memory of a run that moves 1 GiB each way | {:.0} MiB; {} packets captured, {} past the bound | | | | 1 |",
            peak_mib(),
            capture.packets,
            capture.cut_packets
        );
        std::fs::remove_dir_all(&outcome.bundle)?;
        Ok(())
    };
    match act() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn command(line: &str, base: &str) -> String {
    line.replace("SIZE", &SIZE.to_string()).replace("BASE", base)
}

/// A detonation of a shell's command line, with a page that is large enough.
fn through(home: &Path, line: &str) -> Result<DetonateRequest> {
    let script = home.join("client.sh");
    std::fs::write(&script, format!("#!/bin/sh\n{line}\n"))?;
    let rule = format!("detektr: 1\nhttp:\n  - {{path: /down, zeros: {SIZE}}}\n");
    let site = Arc::new(Site::parse(&rule, Path::new("site.yaml")).map_err(|error| error.to_string())?);
    let mut request = request(home, ArtifactSpec::Path(script), &[], SensorChoice::Ebpf);
    request.network = NetworkChoice::Sim { mode: NetworkMode::Sim, site };
    Ok(request)
}

/// The time that curl tells, where it moved everything.
fn milliseconds(said: &str) -> Result<f64> {
    match said.split_once(' ') {
        // of an upload the sizes of its chunks are counted as well
        Some((size, seconds)) if size.parse().is_ok_and(|size| (SIZE..SIZE + SIZE / 64).contains(&size)) => {
            Ok(seconds.trim().parse::<f64>()? * 1000.0)
        }
        _ => Err(format!("curl moved something else: {said:?}").into()),
    }
}

/// nginx in a network namespace of its own, joined by a veth pair to another one for its clients.
struct Peer {
    near: String,
    far: String,
    nginx: Option<Child>,
}

impl Peer {
    fn start(folder: &Path) -> Result<Peer> {
        let page = folder.join("pages");
        std::fs::create_dir(&page)?;
        std::fs::File::create(page.join("down"))?.set_len(SIZE)?;
        let id = std::process::id();
        let (near, far) = (format!("bench-near-{id}"), format!("bench-far-{id}"));
        let mut peer = Peer { near, far, nginx: None };
        let (near, far) = (&peer.near, &peer.far);
        for line in [
            format!("netns add {near}"),
            format!("netns add {far}"),
            format!("-n {near} link add eth0 type veth peer name eth0 netns {far}"),
            format!("-n {near} addr add 10.98.0.2/24 dev eth0"),
            format!("-n {far} addr add 10.98.0.1/24 dev eth0"),
            format!("-n {near} link set eth0 up"),
            format!("-n {far} link set eth0 up"),
        ] {
            run(Command::new("ip").args(line.split(' ')))?;
        }
        let config: PathBuf = folder.join("nginx.conf");
        let folder = folder.display();
        // what is uploaded is thrown away as it comes
        std::fs::write(
            &config,
            format!(
                "daemon off; user root; pid {folder}/nginx.pid; error_log {folder}/nginx.log; events {{}}\n\
                 http {{ access_log off; sendfile on; client_max_body_size 0; server {{ listen 80; root {folder}/pages; \
                 location /up {{ return 200; }} }} }}\n"
            ),
        )?;
        let nginx = Command::new("ip")
            .args(["netns", "exec", &peer.far, "nginx", "-c"])
            .arg(&config)
            .stderr(Stdio::null())
            .spawn()?;
        peer.nginx = Some(nginx);
        let ready = "curl -s -o /dev/null --retry 50 --retry-connrefused --retry-delay 1 -r 0-0 http://10.98.0.1/down";
        run(Command::new("ip").args(["netns", "exec", &peer.near, "sh", "-c", ready]))?;
        Ok(peer)
    }

    /// The time of a client's shell line.
    fn client(&self, line: &str) -> Result<f64> {
        let output = Command::new("ip").args(["netns", "exec", &self.near, "sh", "-c", line]).output()?;
        milliseconds(&String::from_utf8_lossy(&output.stdout))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(mut nginx) = self.nginx.take() {
            // its workers end with the master, which a TERM tells to
            let _ = Command::new("kill").arg(nginx.id().to_string()).status();
            let _ = nginx.wait();
        }
        for name in [&self.near, &self.far] {
            let _ = Command::new("ip").args(["netns", "del", name]).status();
        }
    }
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into())
}
